"""When a picture was taken, as its camera noted it: the EXIF tags DateTimeOriginal and SubSecTimeOriginal."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import datetime, timedelta

_BEGINNINGS = (b"Exif\0\0", b"eXIf", b"EXIF")
"""What stands before the block of EXIF in a JPEG, HEIC or AVIF, in a PNG, and in a WebP, where its length follows."""
_BLOCKS = (b"II*\0", b"MM\0*")
_NEAR_BYTES, _NEAR_END_BYTES = 1 << 20, 1 << 18
"""It is near the beginning; in a WebP and some PNGs at the end."""
_EXIF_IFD, _TAKEN, _SUBSECONDS = 0x8769, 0x9003, 0x9291
_ASCII = 2
_MOST_TAGS = 500


def taken_at(data: bytes) -> datetime | None:
    """The time by the camera's clock, without a time zone; None if the file does not say it."""
    tiff = _block(data[:_NEAR_BYTES]) or _block(data[-_NEAR_END_BYTES:])
    try:
        return _taken(tiff) if tiff else None
    except (struct.error, ValueError):
        return None


def _block(data: bytes) -> bytes:
    """The EXIF block in this part of a file, to the end of the part; empty if there is none."""
    for beginning in _BEGINNINGS:
        at = data.find(beginning)
        while at >= 0:
            start = at + len(beginning) + (4 if beginning == b"EXIF" else 0)
            if data.startswith(_BLOCKS, start):
                return data[start:]
            at = data.find(beginning, at + 1)
    return b""


def _taken(tiff: bytes) -> datetime | None:
    order = "<" if tiff.startswith(b"II") else ">"
    first = dict(_tags(tiff, order, *struct.unpack_from(order + "I", tiff, 4)))
    if _EXIF_IFD not in first:
        return None
    tags = dict(_tags(tiff, order, *struct.unpack(order + "I", first[_EXIF_IFD])))
    moment = (
        datetime.strptime(tags[_TAKEN][:19].decode("ascii", "replace"), "%Y:%m:%d %H:%M:%S")
        if _TAKEN in tags
        else None
    )
    digits = re.match(rb"\d{1,6}", tags.get(_SUBSECONDS, b""))
    if moment is None or digits is None:
        return moment
    return moment + timedelta(seconds=int(digits[0]) / 10 ** len(digits[0]))


def _tags(tiff: bytes, order: str, at: int) -> Iterator[tuple[int, bytes]]:
    """(tag, value) of a directory: texts whole, of all others the four bytes in the directory."""
    (entries,) = struct.unpack_from(order + "H", tiff, at)
    for entry in range(min(entries, _MOST_TAGS)):
        place = at + 2 + 12 * entry
        tag, kind, count = struct.unpack_from(order + "HHI", tiff, place)
        value = tiff[place + 8 : place + 12]
        if kind == _ASCII and count > 4:
            (start,) = struct.unpack(order + "I", value)
            value = tiff[start : start + count]
        yield tag, value.rstrip(b"\0") if kind == _ASCII else value
