"""What a picture says about itself in its header: nothing is decoded here.

The gateway and the command line use this before a picture is taken in; it imports neither OpenCV nor
ONNX Runtime.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from manyeyes.errors import (
    DamagedPicture,
    EmptyPicture,
    NotAPicture,
    TooManyBytes,
    TooManyPixels,
    UnsupportedFormat,
)

# Pillow looks for the resolution in EXIF and prints a warning where that is damaged; it is of no use here
warnings.filterwarnings("ignore", message="Corrupt EXIF data", category=UserWarning)

ACCEPTED = "JPEG, PNG and WebP are accepted"
_READERS: dict[str, Callable[[BytesIO], ImageFile]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
}
_EXIF_ORIENTATION, _EXIF_SHORT = 0x0112, 3
_OTHER_PICTURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"8BPS", "Photoshop"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftyphev", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypmsf1", "HEIC"),
)
_OTHER_FILES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\3\4", "a zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (4, b"ftyp", "a film"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
)


@dataclass(frozen=True)
class PictureInfo:
    """A picture's size as a person sees it (EXIF orientation applied), and its format.

    `format` is "jpeg", "png" or "webp"; `orientation` the EXIF value, 1 to 8.
    """

    width_px: int
    height_px: int
    media_type: str
    format: str
    orientation: int = 1

    @property
    def megapixels(self) -> float:
        return self.width_px * self.height_px / 1e6


def probe(data: bytes, *, max_bytes: int, max_megapixels: float) -> PictureInfo:
    """Read the header of a picture and hold it against the limits; the pixels are not decoded.

    Raises:
        EmptyPicture, NotAPicture, UnsupportedFormat: what came is no JPEG, PNG or WebP.
        TooManyBytes, TooManyPixels: seen against allowed.
        DamagedPicture: the header itself cannot be read.
    """
    if not data:
        raise EmptyPicture("the picture has 0 bytes; was the file fully written?")
    if len(data) > max_bytes:
        raise TooManyBytes(
            f"picture has {len(data) / 1e6:.1f} MB, the limit is {max_bytes / 1e6:g}; "
            "shrink it or raise limits.max_bytes"
        )
    info = read_header(data)
    if info.megapixels > max_megapixels:
        raise TooManyPixels(
            f"picture has {info.megapixels:.1f} megapixels, the limit is {max_megapixels:g}; "
            "shrink it or raise limits.max_megapixels"
        )
    return info


def read_header(data: bytes) -> PictureInfo:
    """As `probe`, without limits."""
    found = _format(data)
    try:
        with _READERS[found](BytesIO(data)) as image:
            width, height = image.size
            orientation = _orientation(image)
    except Exception as error:  # Pillow's readers raise many kinds on a broken header
        raise DamagedPicture(
            f"the {found.upper()} header cannot be read: {error}; send the original"
        ) from error
    if width < 1 or height < 1:
        raise DamagedPicture(f"picture is {width}×{height} px by its header; send the original")
    if orientation >= 5:
        width, height = height, width
    return PictureInfo(width, height, f"image/{found}", found, orientation)


def _format(data: bytes) -> str:
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    for offset, magic, name in _OTHER_PICTURES:
        if data.startswith(magic, offset):
            raise UnsupportedFormat(f"picture is {name}; {ACCEPTED}; convert it first")
    for offset, magic, name in _OTHER_FILES:
        if data.startswith(magic, offset):
            raise NotAPicture(f"this is {name}, not a picture; {ACCEPTED}")
    text = _text(data)
    if text is None:
        first = data[:8].hex(" ")
        raise NotAPicture(f"this is no known kind of picture (its first bytes are {first}); {ACCEPTED}")
    if "<svg" in text[:1000].lower():
        raise UnsupportedFormat(f"picture is SVG; {ACCEPTED}; convert it first")
    raise NotAPicture(f"this is text ({text[:24].strip()!r}…), not a picture; {ACCEPTED}")


def _text(data: bytes) -> str | None:
    head = data[:2048]
    try:
        text = head.decode("utf-8", errors="strict" if len(data) <= 2048 else "ignore")
    except UnicodeDecodeError:
        return None
    return text if all(c.isprintable() or c in "\r\n\t\f\ufeff" for c in text) else None


def _orientation(image: ImageFile) -> int:
    raw = image.info.get("exif")
    return exif_orientation(raw) if isinstance(raw, bytes) else 1


def exif_orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, in an EXIF block; 1 where there is none or the block is damaged.

    A damaged block is no reason to refuse a picture, nor to warn about it.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, at)
        for entry in range(entries):
            tag, kind, count, value = struct.unpack_from(order + "HHIH", tiff, at + 2 + 12 * entry)
            if tag == _EXIF_ORIENTATION:
                usable = (kind, count) == (_EXIF_SHORT, 1) and 1 <= value <= 8
                return int(value) if usable else 1
    except struct.error:
        pass
    return 1
