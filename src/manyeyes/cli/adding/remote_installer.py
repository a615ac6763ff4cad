"""Runs on the machine that is added. It is copied there as one file and needs only Python 3.11.

`python3 -I remote_installer.py VERB JSON` prints JSON lines: `{"step": ...}` while it works, then one `{"done": ...}` or
`{"error": ...}`. Every verb can be killed at any point and run again. While `install` runs, the end of standard input
means that the operator is gone: the installer ends, with all processes that it started.

Everything is in `~/.local/share/manyeyes`: `agent/envs/DIGEST` with the link `agent/current`, the commands
`agent/manyeyes` and `agent/start`, `agent/agent.log`, and the node's data in `node`.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

HOME = Path("~").expanduser()
ROOT = HOME / ".local" / "share" / "manyeyes" / "agent"
DATA = ROOT.parent / "node"
UNIT = "manyeyes-node.service"
UNIT_FILE = HOME / ".config" / "systemd" / "user" / UNIT
LOG = ROOT / "agent.log"
STARTED = ROOT / "started.json"
REACH_S = 5.0
LOG_BYTES = 5_000_000
STOP_S = 60.0
"""Time for a node to stop after it is asked to; it finishes its current pictures."""


class Trouble(Exception):
    """A failure; its text is a sentence for the operator."""


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


# preflight


def preflight(wanted: dict[str, Any]) -> dict[str, Any]:
    """Report this machine's facts, what is installed already, and which of the master's addresses answer."""
    ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
    reach: dict[str, str] = {}
    threads = [
        threading.Thread(target=lambda a=address: reach.update({a: _reach(a)}), daemon=True)
        for address in wanted["addresses"]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * REACH_S)
    return {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "system": platform.system(),
        "machine": platform.machine(),
        "libc": platform.libc_ver()[0],
        "hostname": socket.gethostname(),
        "folder": str(ROOT),
        "free_bytes": shutil.disk_usage(ROOT).free,
        "reach": {address: reach.get(address, "no answer") for address in wanted["addresses"]},
        "systemd": has_user_systemd(),
        "installed": _installed(),
        "received": {path.name: path.stat().st_size for path in (ROOT / "incoming").glob("*")},
        "member": _member(),
        "running": holder(),
    }


def _reach(address: str) -> str:
    """Empty if nats-server's greeting arrives, else the error."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), REACH_S) as line:
            line.settimeout(REACH_S)
            return "" if line.recv(5) == b"INFO " else "something else answers"
    except OSError as error:
        return error.strerror or str(error)


def _installed() -> str:
    current = ROOT / "current"
    return current.resolve().name if (current / "complete").exists() else ""


def _member() -> dict[str, str] | None:
    """The node that this machine is already: its name, and the digest of its master's CA. None if it never joined."""
    try:
        fields = json.loads((DATA / "membership.json").read_bytes())
        inside = re.sub(r"-----[A-Z ]+-----|\s", "", fields["ca_pem"])
        return {"name": fields["name"], "ca": hashlib.sha256(base64.b64decode(inside)).hexdigest()}
    except (OSError, ValueError, KeyError):
        return None


def holder() -> int | None:
    """The id of the process that runs this machine's node; None if it does not run."""
    try:
        with (DATA / "manyeyes.pid").open("rb+") as file:
            text = file.read().decode(errors="replace").strip()
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(text) if text.isdigit() else None
    except OSError:
        return None
    return None


# receiving files


def receive(wanted: dict[str, Any]) -> dict[str, Any]:
    """Read a file from standard input; keep it only if it has the announced digest."""
    name = wanted["name"]
    if not name or name != Path(name).name or name.startswith("."):
        raise Trouble(f"{name!r} is no file name")
    folder = ROOT / "incoming"
    folder.mkdir(mode=0o700, exist_ok=True)
    part = folder / f".{name}"
    digest = hashlib.sha256()
    with part.open("wb") as file:
        while chunk := sys.stdin.buffer.read(1 << 20):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != wanted["sha256"]:
        part.unlink()
        raise Trouble(f"{name} did not arrive whole")
    part.replace(folder / name)
    return {}


# installing


def install(wanted: dict[str, Any]) -> dict[str, Any]:
    """Make an environment with the agent. It gets its final name when it is complete, and is used from then on."""
    _follow_the_life_line()
    with _alone():
        envs = ROOT / "envs"
        envs.mkdir(mode=0o700, exist_ok=True)
        target = envs / wanted["digest"]
        before = _installed()
        if not (target / "complete").exists():
            _make(target, wanted["requirements"], wanted["own"], wanted["offline"])
        _point(ROOT / "current", target)
        for folder in envs.iterdir():
            if folder.name not in (wanted["digest"], before):
                shutil.rmtree(folder, ignore_errors=True)
        _script("manyeyes", f'exec {_quoted(ROOT / "current/bin/python")} -m manyeyes.cli.app "$@"')
        shutil.rmtree(ROOT / "incoming", ignore_errors=True)
    return {"changed": before != wanted["digest"]}


def _make(target: Path, requirements: str, own: list[str], offline: bool) -> None:
    staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=".making-"))
    listed = staging / "requirements.txt"
    try:
        tell(step="making an environment")
        _run([sys.executable, "-m", "venv", str(staging)], "the environment cannot be made")
        listed.write_text(requirements)
        count = sum("==" in line for line in requirements.splitlines())
        incoming = ROOT / "incoming"
        source = ["--no-index", "-f", str(incoming)] if offline else []
        tell(step=f"installing {count} packages {'that were sent' if offline else 'from the package index'}")
        python = str(staging / "bin" / "python")
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "install"]
        pip += ["--no-cache-dir", "--no-compile", "--no-deps", "--only-binary", ":all:"]
        wanted = ["--require-hashes", "-r", str(listed)]
        _run([*pip, *source, *wanted], "the packages cannot be installed")
        _run([*pip, "--no-index", *(str(incoming / name) for name in own)], "the agent cannot be installed")
        _run([python, "-c", "import manyeyes.node.agent"], "the agent does not start")
        (staging / "complete").touch()
        os.sync()
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _run(command: list[str], failed: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        errors = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("error:")]
        raise Trouble(f"{failed}: {(errors or lines or ['it printed nothing'])[-1][:400]}")


@contextlib.contextmanager
def _alone() -> Any:
    with (ROOT / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble(
                "another 'manyeyes nodes add' runs on this machine; wait until it is done"
            ) from None
        yield


def _follow_the_life_line() -> None:
    def watch() -> None:
        while sys.stdin.buffer.read(1):
            pass
        os.killpg(0, signal.SIGKILL)  # pip too

    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    threading.Thread(target=watch, daemon=True).start()


def _point(link: Path, target: Path) -> None:
    staged = link.with_name(f".{link.name}")
    staged.unlink(missing_ok=True)
    staged.symlink_to(target)
    staged.replace(link)


def _script(name: str, line: str) -> bool:
    """Write a shell script. Returns whether it changed."""
    return _write(ROOT / name, f"#!/bin/sh\n{line}\n", 0o700)


def _write(path: Path, text: str, mode: int = 0o600) -> bool:
    if path.is_file() and path.read_text() == text:
        return False
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.new")
    staged.write_text(text)
    staged.chmod(mode)
    staged.replace(path)
    return True


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


# starting


def start(wanted: dict[str, Any]) -> dict[str, Any]:
    """Run the node with these flags: as a systemd user service if the user has systemd, else in the background."""
    if LOG.exists() and LOG.stat().st_size > LOG_BYTES:
        LOG.replace(LOG.with_suffix(".old"))
    flags = shlex.join(wanted["flags"])
    line = f"exec {_quoted(ROOT / 'manyeyes')} node --data {_quoted(DATA)} {flags} >>{_quoted(LOG)} 2>&1"
    _script("start", line)
    now = {"installed": _installed(), "flags": wanted["flags"]}
    try:
        as_wanted = json.loads(STARTED.read_text()) == now and holder() is not None
    except (OSError, ValueError):
        as_wanted = False
    service = has_user_systemd()
    done: dict[str, Any] = {"service": service, "restarted": not as_wanted, "start": str(ROOT / "start")}
    if service:
        done |= _as_service(as_wanted)
    elif not as_wanted:
        stop({})
        nothing = subprocess.DEVNULL
        subprocess.Popen(
            [str(ROOT / "start")],
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            start_new_session=True,
            cwd=HOME,
        )
    _write(STARTED, json.dumps(now))
    return done


def _as_service(as_wanted: bool) -> dict[str, Any]:
    new = _write(UNIT_FILE, unit_text(), 0o644)
    if new:
        _systemctl("daemon-reload")
    _systemctl("enable", "--quiet", UNIT)
    if new or not as_wanted or _systemctl("is-active", "--quiet", UNIT, may_fail=True):
        stop({})  # a node that runs without the service
        _systemctl("restart", UNIT)
    return {"linger": linger()}


def unit_text() -> str:
    """The systemd unit: it restarts a node that failed, but not one that was asked to stop."""
    return f"""[Unit]
Description=manyeyes node
StartLimitIntervalSec=0

[Service]
ExecStart=/bin/sh "{_for_systemd(ROOT / "start")}"
Restart=on-failure
RestartSec=3
RestartPreventExitStatus=2 5
KillMode=mixed
OOMPolicy=continue
TimeoutStopSec={STOP_S:.0f}

[Install]
WantedBy=default.target
"""


def _for_systemd(path: Path) -> str:
    text = str(path).replace("%", "%%")
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")


def session() -> dict[str, str]:
    """The environment with which `systemctl` finds the user's systemd, even if the login set no XDG_RUNTIME_DIR."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    return {**os.environ, "XDG_RUNTIME_DIR": runtime}


def has_user_systemd() -> bool:
    """Whether the systemd of this user answers."""
    if shutil.which("systemctl") is None:
        return False
    return _systemctl("show-environment", may_fail=True) == 0


def _systemctl(*words: str, may_fail: bool = False) -> int:
    try:
        done = subprocess.run(
            ["systemctl", "--user", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=STOP_S + 30,
            env=session(),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        if may_fail:
            return 1
        raise Trouble(f"systemctl --user {' '.join(words)} does not answer: {error}") from error
    if done.returncode and not may_fail:
        raise Trouble(f"systemctl --user {' '.join(words)} failed: {done.stderr.strip() or done.returncode}")
    return done.returncode


def linger() -> bool:
    """Enable lingering: the user's services run without a login. Returns whether it is enabled."""
    user = str(os.getuid())

    def asked(*words: str) -> subprocess.CompletedProcess[str] | None:
        try:
            return subprocess.run(
                ["loginctl", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired):
            return None

    def on() -> bool:
        told = asked("show-user", user, "--property=Linger", "--value")
        return told is not None and told.stdout.strip() == "yes"

    if not on():
        asked("--no-ask-password", "enable-linger")
    return on()


def stop(_: dict[str, Any]) -> dict[str, Any]:
    """Stop the node if it runs; it finishes its current pictures."""
    process = holder()
    if process is None:
        return {}
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
    end = time.monotonic() + STOP_S
    while holder() == process:
        if time.monotonic() > end:
            raise Trouble(
                f"the node, process {process}, still runs {STOP_S:.0f} s after it was asked to stop"
            )
        time.sleep(0.1)
    return {}


def forget(_: dict[str, Any]) -> dict[str, Any]:
    """Rename the files of an identity that the master has removed; packs and environments stay."""
    stop({})
    for name in ("membership.json", "node.nk"):
        with contextlib.suppress(FileNotFoundError):
            (DATA / name).replace(DATA / f"{name}.removed")
    return {}


def state(_: dict[str, Any]) -> dict[str, Any]:
    """Whether the node runs, and its last log lines."""
    try:
        lines = LOG.read_bytes()[-4000:].decode(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return {"running": holder(), "log": lines[-5:]}


VERBS = {verb.__name__: verb for verb in (preflight, receive, install, start, stop, forget, state)}


def main() -> None:
    os.umask(0o077)
    try:
        tell(done=VERBS[sys.argv[1]](json.loads(sys.argv[2])))
    except (Trouble, OSError) as error:
        tell(error=str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
