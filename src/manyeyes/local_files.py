"""What is wrong with a file of the user's own machine."""

from __future__ import annotations

from manyeyes.errors import FileTrouble, NoSuchFile


def unreadable(path: object, error: OSError) -> FileTrouble:
    """The error for a file or folder of the user's that cannot be read."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return NoSuchFile(f"no such file: {path}")
    return FileTrouble(f"{path} cannot be read: {error.strerror or error}")
