"""Writes small pictures from the master to files."""

from __future__ import annotations

from pathlib import Path

from manyeyes.errors import FileTrouble
from manyeyes.sdk.portraits import SmallPicture


def write_picture(path: Path, picture: SmallPicture) -> Path:
    """Write a picture to a file, readable by its owner only if it is new. Creates the folder if it is missing.

    Raises:
        FileTrouble: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.write_bytes(picture.content)
    except OSError as error:
        raise FileTrouble(f"{path} cannot be written: {error.strerror or error}") from error
    return path
