"""A master of a test file's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from background import MANYEYES, Background, free_port

from tests.e2e.conftest import Seed, Up


class Alone:
    """A master of one test file, which may be killed and started again where it was."""

    def __init__(self, data: Path) -> None:
        self.data = data
        ports = ["--https-port", str(free_port()), "--nats-port", str(free_port())]
        self._command = [MANYEYES, "master", "--listen", "127.0.0.1", "--data", str(data), *ports]
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.up = Up(self.data, Background.start(self._command, self.data.with_suffix(".log")))
        self.up.service.wait_ready()


def running_alone(data: Path, seed: Seed) -> Iterator[Alone]:
    """Such a master with the default pack, stopped at the end."""
    seed(data)
    master = Alone(data)
    try:
        yield master
    finally:
        master.up.service.stop()
