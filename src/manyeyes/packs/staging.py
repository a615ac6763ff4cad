"""Writes a pack's folder completely or not at all: fills it under another name, then renames it."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manyeyes.errors import PackError

LEFTOVER_AGE_S = 3600.0


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield a new folder to fill; it replaces `target` when the block ends without an error.

    Raises:
        PackError: the folder cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(target)
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-building-"))
    except OSError as error:
        raise PackError(f"{target.parent} cannot be written: {error}; choose another data folder") from error
    try:
        yield staging
        _put_in_place(staging, target)
    except OSError as error:
        raise PackError(f"the pack cannot be written to {target}: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write(path: Path, data: bytes) -> None:
    """Write a file and flush it to disk before returning; missing folders are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _clear_leftovers(target: Path) -> None:
    """Remove the folders of killed builds; the folder of a running build is younger than the limit."""
    for leftover in target.parent.glob(f".{target.name}-building-*"):
        if time.time() - leftover.stat().st_mtime > LEFTOVER_AGE_S:
            shutil.rmtree(leftover, ignore_errors=True)


def _put_in_place(staging: Path, target: Path) -> None:
    staging.chmod(0o755)
    if target.exists():
        old = staging.with_name(staging.name + "-old")
        target.rename(old)
        staging.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.rename(target)
