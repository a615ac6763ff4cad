"""What a file is by its first bytes: for programs that choose pictures out of folders without reading them whole."""

from __future__ import annotations

import os
from pathlib import Path

from manyeyes.local_files import open_regular
from manyeyes.recognition.pictures.sniff import sniff

HEAD_BYTES = 4096
"""So much of a file tells its kind."""


def head_of(path: Path) -> bytes:
    """The first bytes of a regular file, enough to tell its kind. Raises OSError."""
    file = open_regular(path)
    try:
        return os.read(file, HEAD_BYTES)
    finally:
        os.close(file)


def format_of(path: Path) -> str:
    """The key in `formats.FORMATS` of a file's format; a regular file.

    Raises:
        EmptyPicture, NotAPicture: it is no picture.
        UnsupportedFormat: a picture of another format, raw camera pictures among them.
        OSError: it cannot be read, or is no regular file.
    """
    head = head_of(path)
    key = sniff(head)
    if key == "tiff":
        from manyeyes.recognition.pictures.probe import refuse_raw  # imports Pillow

        refuse_raw(head)
    return key
