"""manyeyes commands in the background, for the demo, the bench and the end-to-end tests.

Each is started in a session of its own, is ready when it prints a line that starts with `ready:`, and is
stopped for sure: first asked, then killed with everything it started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

MANYEYES = str(Path(sys.executable).with_name("manyeyes"))
READY_S = 180.0
"""The first start may build the default pack, and download its weights first."""


class DidNotStart(RuntimeError):
    """The command ended, or said nothing, before its `ready:` line."""


def free_port() -> int:
    """A TCP port of the loopback that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Background:
    """One running command; its output goes to `log`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    @classmethod
    def start(cls, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Background:
        with log.open("wb") as out:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
                start_new_session=True,
            )
        return cls(process, log)

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_ready(self, timeout_s: float = READY_S) -> str:
        """Wait for the `ready:` line and return it.

        Raises:
            DidNotStart: with the end of the command's output.
        """
        until = time.monotonic() + timeout_s
        while True:
            ended = self.process.poll()
            for line in self.output.splitlines():
                if line.startswith("ready:"):
                    return line
            if ended is not None or time.monotonic() > until:
                why = f"ended with {ended}" if ended is not None else f"not ready after {timeout_s:.0f} s"
                raise DidNotStart(f"{self.process.args!r} {why}:\n{self.output[-4000:]}")
            time.sleep(0.05)

    def family(self) -> list[psutil.Process]:
        """The process and everything it started that still runs."""
        try:
            root = psutil.Process(self.process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """SIGKILL to all of it at once, as a power cut would."""
        family = self.family()
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        self.process.wait(10)

    def stop(self, timeout_s: float = 20.0) -> int:
        """Ask it to end, wait, kill what is left; return the exit status."""
        family = self.family()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                if member.is_running() and member.status() != psutil.STATUS_ZOMBIE:
                    member.kill()
        return self.process.wait(10)
