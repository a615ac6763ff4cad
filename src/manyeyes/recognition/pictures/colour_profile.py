"""Colour profiles (ICC): read with the header, copied into the predicted picture, never applied."""

from __future__ import annotations

import struct
import zlib

_MAX_BYTES = 1_000_000
_JPEG_PART_BYTES = 65_519
"""The part of a profile that one JPEG segment can hold besides its own header."""
_PNG_HEADER_END = 33


def usable(icc_profile: bytes) -> bool:
    """Whether it is a profile for RGB; one for grey or CMYK does not fit the pixels after decoding."""
    return (
        132 <= len(icc_profile) <= _MAX_BYTES
        and icc_profile[16:20] == b"RGB "
        and icc_profile[36:40] == b"acsp"
    )


def with_profile(content: bytes, key: str, icc_profile: bytes) -> bytes:
    """Add a profile to an encoded JPEG or PNG, as `key` says.

    Other formats, and an unusable profile, leave `content` unchanged.
    """
    if not usable(icc_profile):
        return content
    if key == "jpeg":
        at = 4 + struct.unpack_from(">H", content, 4)[0] if content[2:4] == b"\xff\xe0" else 2
        return content[:at] + _jpeg_segments(icc_profile) + content[at:]
    if key == "png":
        body = b"iCCP" + b"ICC profile\0\0" + zlib.compress(icc_profile)
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return content[:_PNG_HEADER_END] + chunk + content[_PNG_HEADER_END:]
    return content


def _jpeg_segments(icc_profile: bytes) -> bytes:
    parts = [icc_profile[at : at + _JPEG_PART_BYTES] for at in range(0, len(icc_profile), _JPEG_PART_BYTES)]
    return b"".join(
        b"\xff\xe2"
        + struct.pack(">H", len(part) + 16)
        + b"ICC_PROFILE\0"
        + bytes((number, len(parts)))
        + part
        for number, part in enumerate(parts, start=1)
    )
