"""A picture as callers give it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from manyeyes.local_files import MOST_PICTURE_BYTES, read_whole, unreadable

Picture = str | Path | bytes
"""A path to read, or the encoded picture itself."""


async def content_of(picture: Picture) -> bytes:
    """The encoded picture.

    Raises:
        FileTrouble: the file cannot be read.
    """
    if isinstance(picture, bytes):
        return picture
    path = Path(picture)
    try:
        return await asyncio.to_thread(read_whole, path, MOST_PICTURE_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error
