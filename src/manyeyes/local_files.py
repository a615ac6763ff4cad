"""Reads files of the user's own machine, and says what is wrong with one."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from manyeyes.errors import FileTrouble, NoSuchFile

MOST_TEXT_BYTES = 1024 * 1024
"""Of a file that a person writes or a program made as text: a context, a certificate, a token."""
MOST_PICTURE_BYTES = 1024 * 1024 * 1024
"""More than any master takes for one picture."""
_AT_ONCE = 1024 * 1024
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def unreadable(path: object, error: OSError) -> FileTrouble:
    """The error for a file or folder of the user's that cannot be read."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return NoSuchFile(f"no such file: {path}")
    return FileTrouble(f"{path} cannot be read: {error.strerror or error}")


def open_regular(path: Path) -> int:
    """Open a file to read it, without waiting for anything: a pipe or a device may give no byte, or never end.

    Returns:
        A descriptor; where the system makes the content up and has none yet, reading it raises `BlockingIOError`.

    Raises:
        OSError: it cannot be opened, or is no regular file; `strerror` is for people.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    kind = stat.S_IFMT(os.fstat(file).st_mode)
    if kind == stat.S_IFREG:
        return file
    os.close(file)
    raise OSError(errno.EINVAL, f"it is {_KINDS.get(kind, 'something else')}, and must be a regular file")


def read_whole(path: Path, most_bytes: int) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: as `open_regular`; or it cannot be read, or has more bytes.
    """
    file = open_regular(path)
    try:
        found = bytearray()
        size_bytes = os.fstat(file).st_size
        while size_bytes <= most_bytes and (piece := os.read(file, _AT_ONCE)):
            found += piece
            size_bytes = len(found)
    except BlockingIOError as error:
        raise OSError(errno.EAGAIN, "it has no content to read now") from error
    finally:
        os.close(file)
    if size_bytes > most_bytes:
        raise OSError(errno.EFBIG, f"it has more than {most_bytes / 1024**2:.0f} MB")
    return bytes(found)


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """The text in a small regular file.

    Raises:
        OSError: as `read_whole`.
        UnicodeDecodeError: it is no such text.
    """
    return read_whole(path, MOST_TEXT_BYTES).decode(encoding)
