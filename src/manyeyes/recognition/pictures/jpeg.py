"""Decodes JPEG, and refuses pictures with missing parts, which libjpeg would fill with grey.

libjpeg decodes a damaged picture as far as it can and only warns; `simplejpeg` turns its first warning into
an error.
"""

from __future__ import annotations

import re

import numpy as np
import simplejpeg

from manyeyes.errors import DamagedPicture, UnsupportedFormat
from manyeyes.recognition.arrays import Bytes

_EXTRANEOUS = re.compile(r"Corrupt JPEG data: \d+ extraneous bytes before marker 0xd9")
_JFIF_REVISION = "unknown JFIF revision number"
_NOT_READ = re.compile(
    r"Unsupported JPEG process|Unsupported JPEG data precision|Unsupported color conversion"
)
_CUT = ("Premature end of JPEG file", "premature end of data segment", "Premature end of input")
_MAX_MENDS = 3
_BAND_ROWS = 256
SHRINKS = (8, 4, 2)
"""Factors by which libjpeg can shrink in the inverse DCT; it has SIMD code for these."""


def shrink_factor(width_px: int, height_px: int, least_long_side_px: int) -> int:
    """The largest factor of 1, 2, 4 or 8 by which a picture may be shrunk while it is decoded."""
    longest = max(width_px, height_px)
    return next((factor for factor in SHRINKS if longest >= factor * least_long_side_px), 1)


def decode_jpeg(data: bytes, *, cmyk: bool, size_px: tuple[int, int], shrink: int = 1) -> Bytes:
    """Decode a JPEG as stored (orientation not applied), uint8 (h, w, 3) BGR.

    Args:
        cmyk: whether the header says that the picture has four colours.
        size_px: (width, height) by the header.
        shrink: 1, 2, 4 or 8; the sides are divided by it, rounded up.

    Raises:
        DamagedPicture: libjpeg had to make up pixels.
        UnsupportedFormat: arithmetic coding of a rare kind, lossless JPEG, 12 bit.
        MemoryError: there is too little memory.
    """
    least = (
        {"min_width": -(-size_px[0] // shrink), "min_height": -(-size_px[1] // shrink)} if shrink > 1 else {}
    )
    for _ in range(_MAX_MENDS):
        try:
            pixels = simplejpeg.decode_jpeg(data, "CMYK" if cmyk else "BGR", min_factor=1, **least)
            return _from_cmyk(pixels, inverted=_by_adobe(data)) if cmyk else pixels
        except ValueError as error:
            mended = _mended(data, str(error))
            if mended is None:
                raise _refusal(data, str(error)) from error
            data = mended
    raise DamagedPicture("the JPEG is damaged in several places; send the original")


def _refusal(data: bytes, told: str) -> Exception:
    if "nsufficient memory" in told:
        return MemoryError(told)
    if _NOT_READ.search(told):
        return UnsupportedFormat(
            f"the JPEG is of a kind that is not read ({told}); save it as an ordinary JPEG"
        )
    if any(words in told for words in _CUT):
        return DamagedPicture(
            f"the JPEG is cut short or damaged: {told}, in {len(data)} bytes; send the whole file"
        )
    return DamagedPicture(f"the JPEG is damaged: {told}; send the original")


def _mended(data: bytes, told: str) -> bytes | None:
    """The bytes without a fault that does no harm to the picture; None if the picture is damaged.

    Some cameras write padding before the end marker; some programs write an unknown JFIF revision.
    """
    if _JFIF_REVISION in told:
        at = data.find(b"JFIF\0", 0, 64)
        return data[: at + 5] + b"\1\1" + data[at + 7 :] if at >= 0 and data[at + 5] != 1 else None
    if _EXTRANEOUS.search(told):
        end = data.rfind(b"\xff\xd9")
        body = data[:end].rstrip(b"\0")
        if body.endswith(b"\xff") and len(body) < end:  # a stuffed 0xff: the zero after it is data
            body += b"\0"
        return body + data[end:] if len(body) < end else None
    return None


def _by_adobe(data: bytes) -> bool:
    """Whether an Adobe marker comes before the frame: Adobe's programs store CMYK inverted."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xEE and data[at + 4 : at + 9] == b"Adobe":
            return True
        if marker == 0xDA:
            break
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def _from_cmyk(pixels: Bytes, *, inverted: bool) -> Bytes:
    """CMYK to BGR: each channel is the light that its own ink and black let through."""
    height, width = pixels.shape[:2]
    image = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _BAND_ROWS):
        band = pixels[top : top + _BAND_ROWS]
        light = (band if inverted else 255 - band).astype(np.uint16)
        image[top : top + _BAND_ROWS] = ((light[:, :, 2::-1] * light[:, :, 3:] + 127) // 255).astype(np.uint8)
    return image
