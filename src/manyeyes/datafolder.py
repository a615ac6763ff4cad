"""One process for each data folder: whoever runs holds it, and its id is there for `manyeyes down`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manyeyes.errors import PortTaken

PID_FILE = "manyeyes.pid"


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder for this process; its id is in `PID_FILE` meanwhile.

    Raises:
        PortTaken: another process holds it.
    """
    import fcntl

    path = data / PID_FILE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 20).decode() or "another process"
            raise PortTaken(
                f"the data folder {data} is in use by process {holder}; "
                f"stop it with 'manyeyes down --data {data}', or choose another folder with --data"
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


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
