"""Rotating log files, limited in size and number: `manyeyes.log` is the newest, `manyeyes.log.1` the one before."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

NAME = "manyeyes.log"


class Files:
    """Appends lines; a full file is renamed, and the oldest file is deleted.

    A kill leaves whole lines and at most one incomplete line; the next start adds its line end. A full disk leaves
    whole lines only.

    Args:
        file_bytes: the most bytes of one file.
        files: the most files, the newest one included.
    """

    def __init__(self, folder: Path, file_bytes: int, files: int) -> None:
        self._path = folder / NAME
        self._file_bytes = file_bytes
        self._files = files
        self._descriptor: int | None = None
        self._size_bytes = 0

    def write(self, lines: Sequence[bytes]) -> None:
        """Append lines, each without its line end.

        Raises:
            OSError: the disk is full or failing; the block of lines that did not fit is removed from the file.
        """
        block: list[bytes] = []
        size_bytes = 0
        for line in lines:
            if self._opened() + size_bytes + len(line) + 1 > self._file_bytes and (block or self._size_bytes):
                self._append(block)
                self._rotate()
                block, size_bytes = [], 0
            block.append(line + b"\n")
            size_bytes += len(line) + 1
        self._append(block)

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _opened(self) -> int:
        """The newest file's size in bytes; opens the file if needed."""
        if self._descriptor is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o600)
            self._size_bytes = os.fstat(self._descriptor).st_size
            if self._size_bytes and os.pread(self._descriptor, 1, self._size_bytes - 1) != b"\n":
                self._append([b"\n"])
        return self._size_bytes

    def _append(self, block: Sequence[bytes]) -> None:
        if not block:
            return
        data = b"".join(block)
        size_bytes = self._opened()
        descriptor = self._descriptor
        assert descriptor is not None
        try:
            written = os.write(descriptor, data)
            if written < len(data):
                os.write(descriptor, data[written:])
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, size_bytes)
            self.close()
            raise
        self._size_bytes = size_bytes + len(data)

    def _rotate(self) -> None:
        self.close()
        for number in reversed(range(1, self._files)):
            older = self._path.with_name(f"{NAME}.{number}")
            newer = self._path.with_name(f"{NAME}.{number - 1}") if number > 1 else self._path
            with contextlib.suppress(FileNotFoundError):
                newer.replace(older)
        if self._files == 1:
            self._path.unlink(missing_ok=True)
