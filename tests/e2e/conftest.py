"""What the end-to-end tests share: one running `manyeyes up`, packs put in place, hosts on a network."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from manyeyes.packs import build
from tests.needs import needed

ROOT = Path(__file__).resolve().parents[2]
for _folder in ("scripts", "demo"):
    sys.path.insert(0, str(ROOT / _folder))

from background import MANYEYES, Background, free_port  # noqa: E402

from .fleet import Fleet, running_fleet  # noqa: E402
from .hosts import why_not  # noqa: E402

Seed = Callable[[Path], None]
StartFleet = Callable[..., Fleet]


@dataclass(frozen=True)
class Up:
    """A running `manyeyes up`, and how to talk to it."""

    data: Path
    service: Background

    @property
    def env(self) -> dict[str, str]:
        return {"MANYEYES_CONTEXT": str(self.data / "context.json")}

    @property
    def context(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.data / "context.json").read_text())
        return loaded

    def run(
        self, *arguments: str, env: Mapping[str, str] | None = None, timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run one command with this master to its end."""
        return subprocess.run(
            [MANYEYES, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env={**os.environ, **self.env, **(env or {})},
        )


def records(out: Path) -> list[dict[str, Any]]:
    """The lines of OUT/results.jsonl."""
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> Seed:
    """Put the default pack into a data folder, so that no master of a test has to build it."""
    pack = Path(str(request.getfixturevalue("default_pack")))

    def into(data: Path) -> None:
        target = data / "packs" / "faces" / build.VERSION
        if not target.exists():
            shutil.copytree(pack, target)

    return into


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """A folder with a short path, for data folders. SIGTERM acts like Ctrl-C, so it ends what the tests started."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    with tempfile.TemporaryDirectory(prefix="manyeyes-e2e-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def up(place: Path, seed: Seed) -> Iterator[Up]:
    """One master with one node of two workers, for all tests that do not break it."""
    data = place / "up"
    seed(data)
    ports = ["--https-port", str(free_port()), "--nats-port", str(free_port())]
    command = [MANYEYES, "up", "--data", str(data), *ports, "--workers", "2"]
    service = Background.start(command, place / "up.log")
    try:
        service.wait_ready()
        yield Up(data, service)
    finally:
        service.stop()


@pytest.fixture(scope="module")
def start_fleet() -> Iterator[StartFleet]:
    """`running_fleet`, running until the module's last test has ended."""
    needed(why_not())
    with ExitStack() as stack:
        yield lambda *arguments, **named: stack.enter_context(running_fleet(*arguments, **named))
