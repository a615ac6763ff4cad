"""The thread that writes lines into files, so that nothing else waits for a disk."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from manyeyes.config import LogSettings
from manyeyes.telemetry import events
from manyeyes.telemetry.files import Files
from manyeyes.telemetry.queue import Waiting

FOLDER = "logs"
_EVERY_S = 0.2
_CLOSE_S = 3.0
_BLOCK_BYTES = 1024 * 1024


class Writer:
    """Writes waiting lines a few times a second; counts lines that it cannot write, and logs the count later."""

    def __init__(self, waiting: Waiting, files: Files) -> None:
        self._waiting = waiting
        self._files = files
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-files", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write the waiting lines and end the thread; waits at most `_CLOSE_S` seconds, even if the disk hangs."""
        self._stopping.set()
        self._thread.join(_CLOSE_S)

    def step(self) -> None:
        """Write the waiting lines now."""
        while lines := self._waiting.take(_BLOCK_BYTES):
            try:
                self._files.write(lines)
            except OSError:
                self._waiting.lost(len(lines))
                return
        if dropped := self._waiting.dropped():
            events.log().warning("lines of the log were not written", lines=dropped)

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_S):
            self.step()
        self.step()
        self.step()
        self._files.close()


@contextlib.contextmanager
def kept(data: Path, settings: LogSettings | None = None) -> Iterator[None]:
    """Write this process's lines to `logs` in its data folder until the context ends; one process per folder."""
    settings = settings or LogSettings()
    writer = Writer(events.to_write, Files(data / FOLDER, settings.file_bytes, settings.files))
    writer.start()
    try:
        yield
    finally:
        writer.stop()
