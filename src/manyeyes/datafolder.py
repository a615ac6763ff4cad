"""One process for each data folder: the one that runs holds it, and its id is there for `manyeyes down`."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manyeyes.errors import DataFolderUnusable, PortTaken

PID_FILE = "manyeyes.pid"
PID_WIDTH = 10
_TRIES, _TRY_S = 4, 0.05
"""Who asks for the holder has the lock for a moment too."""


def down_command(data: Path) -> str:
    """The command to copy that stops all that runs from a data folder."""
    return f"manyeyes down --data {shlex.quote(str(data))}"


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder for this process; its id is in `PID_FILE` meanwhile.

    The file stays and is written over in place, which a full disk allows.

    Raises:
        PortTaken: another process holds it.
        DataFolderUnusable: the disk is full, and no earlier start has left the file.
    """
    path = data / PID_FILE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            _lock(descriptor)
        except BlockingIOError as error:
            holder = os.read(descriptor, 20).decode().strip() or "another process"
            raise PortTaken(
                f"the data folder {data} is in use by process {holder}; "
                f"stop it with '{down_command(data)}', or choose another folder with --data"
            ) from error
        try:
            os.pwrite(descriptor, f"{os.getpid():<{PID_WIDTH}}".encode(), 0)
        except OSError as error:
            raise DataFolderUnusable(
                f"cannot write to {path}: {error.strerror}; free some space, or give --data another folder"
            ) from error
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    import fcntl

    for left in reversed(range(_TRIES)):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not left:
                raise
            time.sleep(_TRY_S)


def holder(data: Path) -> int | None:
    """The process that holds the folder, None where nobody does."""
    import fcntl

    try:
        with (data / PID_FILE).open("rb+") as file:
            text = file.read().decode(errors="replace").strip()
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(text) if text.isdigit() else None
    except OSError:
        return None
    return None
