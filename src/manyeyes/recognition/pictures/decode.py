"""Decodes pictures, and refuses pictures that are cut short or damaged."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from manyeyes.errors import DamagedPicture, TooManyPixels
from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.pictures.animations import gif_cautions, whole_webp
from manyeyes.recognition.pictures.formats import ANOTHER_COPY, BY_KEY
from manyeyes.recognition.pictures.jpeg import decode_jpeg, shrink_factor
from manyeyes.recognition.pictures.memory_shortage import shortage_named
from manyeyes.recognition.pictures.pillow_readers import decode_with_pillow, turned_already
from manyeyes.recognition.pictures.png_structure import still_png
from manyeyes.recognition.pictures.probe import PictureInfo, read_header
from manyeyes.results import MOST_WARNINGS, Caution

MAX_MEGAPIXELS = 400.0
"""The limit of a worker, whatever the master allows: four times the default of `limits.max_megapixels`."""
INVISIBLE = 255
"""The value of fully transparent pixels, whose colour nobody sees: white, as a page behind the picture."""
_PNG_DEPTH = 24
"""The offset of the bit depth in a PNG file."""
_BMP_RUN_LENGTH = (1, 2)
_BAND_ROWS = 256


@dataclass
class Picture:
    """Decoded pixels with the orientation applied: uint8 (h, w, 3) BGR, and alpha (h, w) or None.

    If `shrink` is above 1, the picture was shrunk while it was decoded: each pixel stands for `shrink` ×
    `shrink` pixels of the size in `info`.
    """

    info: PictureInfo
    image_hwc_u8: Bytes
    alpha_hw_u8: Bytes | None
    shrink: int = 1
    cautions: tuple[Caution, ...] = ()
    """Faults of the file that do not concern the pixels."""


def decode(data: bytes, *, least_long_side_px: int | None = None) -> Picture:
    """Decode a picture of any accepted format with its orientation applied.

    Missing pixels are never made up: a picture that is cut short, or damaged so that a decoder notices, is
    refused. JPEG is checked by libjpeg's warnings, PNG by its checksums, all formats by their length. A fault
    that does not concern the pixels is no reason to refuse a picture; `Picture.cautions` has it.

    Args:
        least_long_side_px: a JPEG may be shrunk while it is decoded, which saves memory and time, to a long
            side of no less than this, a long picture to such a side of its pieces. Other formats are never shrunk.

    Raises:
        EmptyPicture, NotAPicture, UnsupportedFormat, DamagedPicture.
        TooManyPixels: the picture has more than `MAX_MEGAPIXELS`, or there is too little memory.
    """
    info = read_header(data)
    if info.megapixels > MAX_MEGAPIXELS:
        raise TooManyPixels(
            f"picture has {info.megapixels:.1f} megapixels, no worker takes more than {MAX_MEGAPIXELS:g}; shrink it"
        )
    stored = (info.height_px, info.width_px) if info.orientation >= 5 else (info.width_px, info.height_px)
    shrink = 1
    if info.format == "jpeg" and least_long_side_px is not None:
        shrink = shrink_factor(*stored, least_long_side_px)
    with shortage_named(info.width_px, info.height_px):
        cautions: tuple[Caution, ...] = ()
        if info.format == "jpeg":
            jpeg = decode_jpeg(data, cmyk=info.mode == "CMYK", size_px=stored, shrink=shrink)
            image, alpha, cautions = jpeg.image_hwc_u8, None, jpeg.cautions
        else:
            image, alpha, cautions = _pixels(data, info, stored)
        if not turned_already(info.format):
            image = _turn(image, info.orientation)
            alpha = None if alpha is None else _turn(alpha, info.orientation)
        expected = -(-info.height_px // shrink), -(-info.width_px // shrink)
        if image.shape[:2] != expected:
            raise DamagedPicture(
                f"picture is {image.shape[1]}×{image.shape[0]} px, its header says "
                f"{info.width_px}×{info.height_px}; {ANOTHER_COPY}"
            )
        if alpha is not None:
            _hide_invisible(image, alpha)
    return Picture(info, image, alpha, shrink, (*info.cautions, *cautions)[:MOST_WARNINGS])


def _pixels(
    data: bytes, info: PictureInfo, stored_px: tuple[int, int]
) -> tuple[Bytes, Bytes | None, tuple[Caution, ...]]:
    if info.format == "png":
        still = still_png(data, stored_px)
        if still.content[_PNG_DEPTH] == 16:  # OpenCV needs twice the memory: it keeps all 16 bits
            return *decode_with_pillow(still.content, "png"), still.cautions
        return *_split_alpha(_with_opencv(still.content, "png")), still.cautions
    if info.format == "webp":
        whole, cautions = whole_webp(data)
        return *_split_alpha(_with_opencv(whole, "webp")), cautions
    if (
        info.format == "bmp" and data[14] >= 40 and data[30] in _BMP_RUN_LENGTH
    ):  # Pillow takes seconds for these
        return *_split_alpha(_with_opencv(data, "bmp")), ()
    pixels = decode_with_pillow(data, info.format)
    return *pixels, gif_cautions(data) if info.format == "gif" else ()


def _with_opencv(data: bytes, key: str) -> Bytes:
    name = BY_KEY[key].name
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise
        raise DamagedPicture(f"the {name} cannot be decoded: {error.err}; {ANOTHER_COPY}") from error
    if pixels is None:
        raise DamagedPicture(f"the {name} cannot be decoded: its content is damaged; {ANOTHER_COPY}")
    return pixels


def _split_alpha(pixels: Bytes) -> tuple[Bytes, Bytes | None]:
    if pixels.dtype != np.uint8:
        raise DamagedPicture(
            f"picture has samples of type {pixels.dtype}, its header says 8 bit; {ANOTHER_COPY}"
        )
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels == 1:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), None
    if channels == 2:
        return cv2.cvtColor(pixels[:, :, 0], cv2.COLOR_GRAY2BGR), np.ascontiguousarray(pixels[:, :, 1])
    if channels == 4:
        alpha: Bytes = cv2.extractChannel(pixels, 3)
        return cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR), None if alpha.min() == 255 else alpha
    return pixels, None


def _turn(pixels: Bytes, orientation: int) -> Bytes:
    if orientation in (5, 6, 7, 8):
        pixels = cv2.transpose(pixels)
    if orientation in (2, 6):
        return cv2.flip(pixels, 1, dst=pixels)
    if orientation in (3, 7):
        return cv2.flip(pixels, -1, dst=pixels)
    return cv2.flip(pixels, 0, dst=pixels) if orientation in (4, 8) else pixels


def _hide_invisible(image: Bytes, alpha: Bytes) -> None:
    for top in range(0, len(alpha), _BAND_ROWS):
        rows = slice(top, top + _BAND_ROWS)
        hidden = alpha[rows] == 0
        if hidden.any():
            image[rows][hidden] = INVISIBLE
