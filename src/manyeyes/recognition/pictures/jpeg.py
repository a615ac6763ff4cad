"""Decodes JPEG, and refuses pictures with missing parts, which libjpeg would fill with grey.

libjpeg decodes a damaged picture as far as it can and only warns; `simplejpeg` turns its first warning into
an error. `after_warning` decides what a warning means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

import numpy as np
import simplejpeg

from manyeyes.errors import DamagedPicture, UnsupportedFormat
from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.pictures import jpeg_restarts
from manyeyes.recognition.pictures.file_faults import bytes_ignored, no_end
from manyeyes.recognition.pictures.formats import ANOTHER_COPY
from manyeyes.recognition.pictures.jpeg_leftovers import coding_of, ends_in_zeros, is_padding, used_bytes
from manyeyes.recognition.pictures.jpeg_structure import (
    APP14,
    END,
    RESTARTS,
    SCAN,
    SOS,
    Part,
    all_scans_there,
    before_another_file,
    frame_of,
    has_end,
    parts_of,
    restart_interval,
    tidied,
)
from manyeyes.recognition.pieces import longest_piece_px
from manyeyes.results import MOST_WARNINGS, Caution

_EXTRANEOUS = re.compile(r"(\d+) extraneous bytes before marker 0x([0-9a-f]{2})")
_IN_HEADER = (
    "unknown JFIF revision number",
    "Unknown Adobe color transform code",
    "bad ICC marker",
    "Invalid SOS parameters for sequential JPEG",
    "Could not determine subsampling level",  # also of a file with two start markers
)
_NOT_READ = re.compile(
    r"Unsupported JPEG process|Unsupported JPEG data precision|Unsupported color conversion"
)
_NO_END = ("Premature end of JPEG file", "Premature end of input")
_CUT = (*_NO_END, "premature end of data segment")
_MAX_MENDS = 8
_BAND_ROWS = 256
SHRINKS = (8, 4, 2)
"""Factors by which libjpeg can shrink in the inverse DCT; it has SIMD code for these."""


class Meaning(Enum):
    """What a warning of libjpeg means for a picture."""

    DAMAGE = "pixels are missing or wrong"
    HEADER = "something in the header that does not concern the pixels"
    NO_END = "the end marker is missing; harmless if all pixels are there"
    LEFTOVERS = "bytes behind coded pixels; harmless if they are padding"


@dataclass(frozen=True)
class DecodedJpeg:
    """Pixels as stored, uint8 (h, w, 3) BGR, and the harmless faults of the file, each once, `MOST_WARNINGS` at most."""

    image_hwc_u8: Bytes
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True)
class _Reading:
    """How libjpeg is asked to decode: colour space and least size."""

    colours: str
    least: dict[str, int]

    def decode(self, data: bytes) -> Bytes:
        pixels: Bytes = simplejpeg.decode_jpeg(data, self.colours, min_factor=1, **self.least)
        return pixels

    def extraneous(self, data: bytes) -> int | None:
        """How many bytes libjpeg counts as extraneous at the first place; None if it warns of anything else."""
        try:
            simplejpeg.decode_jpeg(data, self.colours, min_factor=8)
        except ValueError as error:
            found = _EXTRANEOUS.search(str(error))
            return int(found[1]) if found else None
        return 0

    def same(self, one: bytes, other: bytes) -> bool:
        try:
            return bool(np.array_equal(self.decode(one), self.decode(other)))
        except ValueError:
            return False


def shrink_factor(width_px: int, height_px: int, least_long_side_px: int) -> int:
    """The largest factor of 1, 2, 4 or 8 by which a picture may be shrunk while it is decoded.

    It is searched in pieces if it is long: then the longer side of a piece counts.
    """
    longest = longest_piece_px(width_px, height_px)
    return next((factor for factor in SHRINKS if longest >= factor * least_long_side_px), 1)


def after_warning(told: str) -> Meaning:
    """What libjpeg's warning means, by its text alone."""
    extraneous = _EXTRANEOUS.search(told)
    if extraneous is not None:
        return Meaning.LEFTOVERS
    if any(words in told for words in _IN_HEADER):
        return Meaning.HEADER
    return Meaning.NO_END if any(words in told for words in _NO_END) else Meaning.DAMAGE


def decode_jpeg(data: bytes, *, cmyk: bool, size_px: tuple[int, int], shrink: int = 1) -> DecodedJpeg:
    """Decode a JPEG as stored (orientation not applied).

    Args:
        cmyk: whether the header says that the picture has four colours.
        size_px: (width, height) by the header.
        shrink: 1, 2, 4 or 8; the sides are divided by it, rounded up.

    Raises:
        DamagedPicture: libjpeg had to make up pixels, or may have decoded wrong ones.
        UnsupportedFormat: arithmetic coding of a rare kind, lossless JPEG, 12 bit.
        MemoryError: there is too little memory.
    """
    least = (
        {"min_width": -(-size_px[0] // shrink), "min_height": -(-size_px[1] // shrink)} if shrink > 1 else {}
    )
    reading = _Reading("CMYK" if cmyk else "BGR", least)
    original, cautions = data, list[Caution]()
    for _ in range(_MAX_MENDS):
        try:
            pixels = reading.decode(data)
        except ValueError as error:
            mended = _mended(data, str(error), reading)
            if mended is None or mended[0] == data:
                raise _refusal(original, str(error)) from error
            data = mended[0]
            cautions += mended[1]
        else:
            pixels = _from_cmyk(pixels, inverted=_by_adobe(data)) if cmyk else pixels
            return DecodedJpeg(pixels, tuple(dict.fromkeys(cautions))[:MOST_WARNINGS])
    raise DamagedPicture(f"the JPEG is damaged in several places; {ANOTHER_COPY}")


def _refusal(data: bytes, told: str) -> Exception:
    if "nsufficient memory" in told:
        return MemoryError(told)
    if _NOT_READ.search(told):
        return UnsupportedFormat(
            f"the JPEG is of a kind that is not read ({told}); save it as an ordinary JPEG"
        )
    if any(words in told for words in _CUT):
        return DamagedPicture(
            f"the JPEG is cut short or damaged: {told}, in {len(data)} bytes; {ANOTHER_COPY}"
        )
    return DamagedPicture(f"the JPEG is damaged, some of its pixels are wrong: {told}; {ANOTHER_COPY}")


def _mended(data: bytes, told: str, reading: _Reading) -> tuple[bytes, tuple[Caution, ...]] | None:
    """The file without a fault that does not concern its pixels; None if they are damaged."""
    if "nsufficient memory" in told or _NOT_READ.search(told):
        return None
    parts = parts_of(data)
    alone = before_another_file(data, parts)
    if alone is not None:
        return alone, (no_end(),)
    meaning = after_warning(told)
    if meaning is Meaning.DAMAGE:
        return None
    if meaning is not Meaning.NO_END:
        tidy, cautions = tidied(data)
        if tidy != data or meaning is Meaning.HEADER:
            return tidy, cautions
    if meaning is Meaning.NO_END:
        return _with_end(data, parts, reading)
    found = _EXTRANEOUS.search(told)
    return None if found is None else _without_leftovers(data, parts, int(found[2], 16), reading)


def _with_end(
    data: bytes, parts: tuple[Part, ...], reading: _Reading
) -> tuple[bytes, tuple[Caution, ...]] | None:
    if has_end(parts) or not all_scans_there(data, parts):
        return None
    scan = next(part for part in reversed(parts) if part.kind == SCAN)
    before, coded = data[: scan.start], data[scan.start : scan.end]
    if coded.endswith(b"\0\0"):
        used = used_bytes(coded, lambda cut: reading.extraneous(before + cut + END))
        if used is None or ends_in_zeros(coded[:used]):
            return None
    return data + END, (no_end(),)


def _without_leftovers(
    data: bytes, parts: tuple[Part, ...], marker: int, reading: _Reading
) -> tuple[bytes, tuple[Caution, ...]] | None:
    frame = frame_of(data, parts)
    if frame is None:
        return None
    coding = coding_of(data, parts, frame)
    interval = restart_interval(data, parts)
    if marker in RESTARTS or (interval and coding is not None):
        if coding is None:
            return None
        return jpeg_restarts.without_padding(
            data, parts, frame, interval, coding, reading.extraneous, reading.same
        )
    for scan in parts:
        if scan.kind != SCAN or scan.marker != marker:
            continue
        before, coded, after = data[: scan.start], data[scan.start : scan.end], data[scan.end :]
        used = used_bytes(coded, lambda cut: reading.extraneous(before + cut + after))  # noqa: B023
        if used is None:
            continue
        if not is_padding(
            coded,
            used,
            coding,
            lambda one, other: reading.same(before + one + after, before + other + after),  # noqa: B023
        ):
            return None
        where = "before the end marker" if scan.marker == END[1] else "between two scans"
        return before + coded[:used] + after, (bytes_ignored(len(coded) - used, where),)
    return None


def _by_adobe(data: bytes) -> bool:
    """Whether an Adobe marker comes before the frame: Adobe's programs store CMYK inverted."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == APP14 and data[at + 4 : at + 9] == b"Adobe":
            return True
        if marker == SOS:
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
