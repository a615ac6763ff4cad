"""Reads a picture's format, size and orientation from its header; decodes nothing.

The gateway and the command line use this before they accept a picture. It imports neither OpenCV nor
ONNX Runtime, and starts no decoder.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO

from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from manyeyes.errors import DamagedPicture, TooManyBytes, TooManyPixels, UnsupportedFormat
from manyeyes.recognition.pictures.formats import ACCEPTED, ANOTHER_COPY, BY_KEY
from manyeyes.recognition.pictures.headers import (
    Header,
    avif_header,
    gif_header,
    heic_header,
    jpeg_header,
    png_header,
    webp_header,
)
from manyeyes.recognition.pictures.jpeg_structure import without_short_segments
from manyeyes.recognition.pictures.sniff import sniff
from manyeyes.results import Caution

# Pillow warns about damaged or unusual metadata; nobody needs these warnings
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\..*")

_SUBFILE_TYPE, _COMPRESSION, _ORIENTATION, _SUB_IFDS, _DNG_VERSION = 254, 259, 274, 330, 50706
_SHORT, _LONG = 3, 4
_WORDED = (ValueError, OSError, SyntaxError)
"""What of Python's errors has a text about the file; others speak of buffers and indexes."""
_RAW_COMPRESSIONS = {32767: "ARW", 34713: "NEF", 65000: "DCR", 65535: "PEF"}


@dataclass(frozen=True)
class PictureInfo:
    """A picture's size as a person sees it (orientation applied), and its format.

    `format` is a key of `formats.FORMATS`; `orientation` the EXIF value, 1 to 8.
    """

    width_px: int
    height_px: int
    media_type: str
    format: str
    orientation: int = 1
    mode: str = ""
    """Pillow's mode of the pixels, as `RGB` or `CMYK`; known for JPEG, BMP and TIFF, else empty."""
    icc_profile: bytes = field(default=b"", repr=False)
    cautions: tuple[Caution, ...] = ()
    """Faults of the header that do not concern the pixels."""

    @property
    def megapixels(self) -> float:
        return self.width_px * self.height_px / 1e6


def probe(data: bytes, *, max_bytes: int, max_megapixels: float) -> PictureInfo:
    """Read the header of a picture and check it against the limits; the pixels are not decoded.

    Raises:
        EmptyPicture, NotAPicture, UnsupportedFormat: the data is in none of the formats of `formats.FORMATS`.
        TooManyBytes, TooManyPixels: the picture exceeds a limit; the message has its size and the limit.
        DamagedPicture: the header itself cannot be read.
    """
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
    key = sniff(data)
    found = BY_KEY[key]
    if key == "tiff":
        refuse_raw(data)
    cautions: tuple[Caution, ...] = ()
    try:
        if key == "jpeg" and (plain := jpeg_header(data)) is not None:
            header, mode = plain
        elif key in _BY_HAND:
            header, mode = _BY_HAND[key](data), ""
        else:
            readable = data
            if key == "jpeg":
                readable, cautions = without_short_segments(data)
            with _BY_PILLOW[key](BytesIO(readable)) as image:
                header, mode = _header(image), image.mode
    except Exception as error:  # Pillow's readers raise many classes on a broken header
        if "cannot handle" in str(error):
            raise UnsupportedFormat(
                f"the {found.name} is of a kind that is not read ({error}); save it as an ordinary one"
            ) from error
        told = str(error) if isinstance(error, _WORDED) else "its lengths and its bytes do not fit together"
        raise DamagedPicture(f"the {found.name} header cannot be read: {told}; {ANOTHER_COPY}") from error
    width, height = header.width_px, header.height_px
    if width < 1 or height < 1:
        raise DamagedPicture(f"picture is {width}×{height} px by its header; {ANOTHER_COPY}")
    orientation = exif_orientation(header.exif) if header.exif else header.orientation
    if orientation >= 5:
        width, height = height, width
    return PictureInfo(width, height, found.media_type, key, orientation, mode, header.icc_profile, cautions)


_BY_HAND: dict[str, Callable[[bytes], Header]] = {
    "png": png_header,
    "webp": webp_header,
    "gif": gif_header,
    "avif": avif_header,
    "heic": heic_header,
}
_BY_PILLOW: dict[str, Callable[[BytesIO], ImageFile]] = {
    "jpeg": JpegImageFile,
    "bmp": BmpImageFile,
    "tiff": TiffImageFile,
}


def _header(image: ImageFile) -> Header:
    width, height = image.size
    icc = image.info.get("icc_profile")
    icc = icc if isinstance(icc, bytes) else b""
    if isinstance(image, TiffImageFile):
        orientation = image.tag_v2.get(_ORIENTATION, 1)
        orientation = orientation if orientation in range(1, 9) else 1
        if orientation >= 5:  # Pillow gives the size with the orientation applied
            width, height = height, width
        return Header(width, height, orientation, icc_profile=icc)
    exif = image.info.get("exif")
    return Header(width, height, exif=exif if isinstance(exif, bytes) else b"", icc_profile=icc)


def refuse_raw(data: bytes) -> None:
    """Refuse raw camera formats: TIFF files whose first page is a thumbnail or an undeveloped picture.

    Raises:
        UnsupportedFormat: it is one.
    """
    tags = _first_tags(data, _SUBFILE_TYPE, _COMPRESSION, _SUB_IFDS, _DNG_VERSION)
    kind = "DNG" if _DNG_VERSION in tags else _RAW_COMPRESSIONS.get(tags.get(_COMPRESSION, 1))
    if kind is None and tags.get(_SUBFILE_TYPE) == 1 and _SUB_IFDS in tags:
        kind = "a thumbnail of it comes first, as in NEF"
    if kind is not None:
        raise UnsupportedFormat(
            f"picture is a raw camera picture ({kind}); {ACCEPTED}; develop it into one of them first"
        )


def exif_orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, in an EXIF block; 1 if there is none or the block is damaged.

    A damaged block is no reason to refuse a picture or to warn about it.
    """
    value = _first_tags(exif.removeprefix(b"Exif\0\0"), _ORIENTATION).get(_ORIENTATION, 1)
    return value if 1 <= value <= 8 else 1


def _first_tags(tiff: bytes, *wanted: int) -> dict[int, int]:
    """The wanted tags in the first directory of a TIFF or EXIF block.

    Returns the value of a tag that is one short or long number, and minus the type of any other tag.
    """
    found: dict[int, int] = {}
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return found
    try:
        (at,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, at)
        for entry in range(entries):
            place = at + 2 + 12 * entry
            tag, kind, count, short = struct.unpack_from(order + "HHIH", tiff, place)
            if tag in wanted and count == 1 and kind == _SHORT:
                found.setdefault(tag, short)
            elif tag in wanted and count == 1 and kind == _LONG:
                found.setdefault(tag, *struct.unpack_from(order + "I", tiff, place + 8))
            elif tag in wanted:
                found.setdefault(tag, -kind)
    except struct.error:
        pass
    return found
