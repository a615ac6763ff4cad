"""Ray Serve and LitServe as `bench/serving_peers.py` starts them, each with manyeyes' recogniser behind it.

Both come through pip into `.cache/peer-serving`, with the versions of `serving_peers.txt`; the recogniser and what it
needs come from manyeyes' own environment, so that it is the same to the bit.
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from load import Target
from service import READY_S, REPO, Background, DidNotStart, free_port

HERE = Path(__file__).resolve().parent
FOLDER = REPO / ".cache" / "peer-serving"
REQUIREMENTS = HERE / "serving_peers.txt"
SINGLE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""As manyeyes starts its workers."""
STOP_S = 60.0
"""Ray lets its replicas drain."""


HAPROXY = {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}
"""What Ray's manual sets for high throughput: HAProxy leads straight to the replicas, past the proxy in Python."""


class NoPeer(RuntimeError):
    """The frameworks cannot be had here; says why."""


def versions() -> dict[str, str]:
    """The pinned version of each distribution."""
    lines = REQUIREMENTS.read_text().split()
    return {name.partition("[")[0]: version for name, _, version in (line.partition("==") for line in lines)}


def _python() -> Path:
    """The interpreter that has both frameworks, and after them what manyeyes' own has.

    Raises:
        NoPeer: pip cannot install them.
    """
    python, ready = FOLDER / "bin" / "python", FOLDER / "ready"
    wanted = REQUIREMENTS.read_text()
    if not ready.is_file() or ready.read_text() != wanted:
        print("installing Ray Serve and LitServe (a minute, once)", file=sys.stderr)
        FOLDER.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", "--clear", FOLDER])
        _run([python, "-m", "pip", "-qq", "--disable-pip-version-check", "install", "-r", REQUIREMENTS])
        own = sysconfig.get_path("purelib")
        told = _run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
        Path(told.strip(), "manyeyes.pth").write_text(f"import site; site.addsitedir({own!r})\n")
        ready.write_text(wanted)
    return python


def _run(command: list[str | Path]) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NoPeer(said[-1] if said else f"status {done.returncode}")
    return done.stdout


@contextmanager
def ray_serve(pack: Path, workers: int, haproxy: bool, folder: Path) -> Iterator[tuple[Background, Target]]:
    """Ray Serve, ready. What it writes lies in `folder`; it reports nothing home and keeps no token.

    Args:
        haproxy: start it as its manual has it for high throughput, not as it starts by default.

    Raises:
        NoPeer: it cannot be installed.
    """
    port = free_port()
    words = ["peer_ray.py", str(pack), str(port), str(workers), str(folder)]
    env = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        **(HAPROXY if haproxy else {}),
    }
    with _started(words, folder.with_suffix(".log"), env) as service:
        service.wait_ready()
        yield service, Target(f"http://127.0.0.1:{port}/")


@contextmanager
def lit_serve(pack: Path, workers: int, folder: Path) -> Iterator[tuple[Background, Target]]:
    """LitServe, ready.

    Raises:
        NoPeer: it cannot be installed.
    """
    port = free_port()
    with _started(
        ["peer_lit.py", str(pack), str(port), str(workers)], folder.with_suffix(".log"), {}
    ) as service:
        _wait_healthy(service, f"http://127.0.0.1:{port}/health")
        yield service, Target(f"http://127.0.0.1:{port}/")


@contextmanager
def least_path(pack: Path, workers: int, folder: Path) -> Iterator[tuple[Background, Target]]:
    """The bare hops of manyeyes without what it does; see `least_path.py`."""
    port = free_port()
    command = [sys.executable, str(HERE / "least_path.py"), str(pack), str(port), str(workers), str(folder)]
    service = Background.start(command, folder.with_suffix(".log"), SINGLE)
    try:
        service.wait_ready()
        yield service, Target(f"https://127.0.0.1:{port}/", (), (folder / "ca.pem").read_text())
    finally:
        service.stop(STOP_S)


def _wait_healthy(service: Background, url: str) -> None:
    until = time.monotonic() + READY_S
    while service.process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    raise DidNotStart(f"{url} does not answer:\n{service.output[-4000:]}")


@contextmanager
def _started(words: list[str], log: Path, env: dict[str, str]) -> Iterator[Background]:
    command = [str(_python()), str(HERE / words[0]), *words[1:]]
    service = Background.start(command, log, {"PYTHONDONTWRITEBYTECODE": "1", **SINGLE, **env})
    try:
        yield service
    finally:
        service.stop(STOP_S)
