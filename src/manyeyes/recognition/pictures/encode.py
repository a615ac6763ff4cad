"""The predicted picture's pixels to bytes, in the format that `formats` says."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL.Image import frombuffer

from manyeyes.errors import DamagedPicture
from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.pictures.colour_profile import with_profile
from manyeyes.recognition.pictures.decode import Picture
from manyeyes.recognition.pictures.formats import predicted_format
from manyeyes.recognition.pictures.memory_shortage import shortage_named

JPEG_QUALITY = 92
WEBP_QUALITY = 90
WEBP_METHOD = 2
"""Half the time of libwebp's default at the same size."""
_NOTHING = np.empty((0, 0, 3), np.uint8)
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
_PNG_PHOTO = [
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_AVG),
]  # fmt: skip
"""On photographs 0.6 of the time of level 1 with every filter tried, and smaller."""
_PNG_SCREEN = [
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
]  # fmt: skip
"""On a page of text 0.45 of the bytes in 0.7 of the time; photographs would become larger and slower."""
_FLAT = 0.5
"""Share of pixels like the one beside them: 0.8 on a page of text, 0.03 to 0.4 in photographs."""
_SAMPLED_ROWS = 32


@dataclass(frozen=True)
class Encoded:
    """An encoded picture and its media type."""

    content: bytes
    media_type: str


def encode(picture: Picture, *, release: bool = False) -> Encoded:
    """A picture's pixels with their alpha, if any, in the format in which this original comes back.

    Args:
        release: the pixels are not needed afterwards; a huge picture is then never held once too often.

    Raises:
        TooManyPixels: too little memory for it here.
    """
    alpha = picture.alpha_hw_u8
    pixels = picture.image_hwc_u8
    count = pixels.shape[0] * pixels.shape[1]
    chosen = predicted_format(picture.info.format, alpha=alpha is not None, pixels=count)
    with shortage_named(picture.info.width_px, picture.info.height_px):
        if chosen.key == "webp":
            pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGBA)
        elif alpha is not None:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA)
        if alpha is not None:
            cv2.insertChannel(alpha, pixels, 3)
        if release:
            picture.image_hwc_u8, picture.alpha_hw_u8 = _NOTHING, None
        if chosen.key == "webp":
            content = _webp(pixels, "RGBX" if alpha is None else "RGBA")
        else:
            options = _JPEG if chosen.key == "jpeg" else _png_options(pixels)
            content = _by_opencv(f".{chosen.key}", pixels, options)
        content = with_profile(content, chosen.key, picture.info.icc_profile)
        return Encoded(content, chosen.media_type)


def _by_opencv(suffix: str, pixels: Bytes, options: list[int]) -> bytes:
    done, buffer = cv2.imencode(suffix, pixels, options)
    if not done:
        raise DamagedPicture(
            f"a picture of {pixels.shape[1]}×{pixels.shape[0]} px cannot be written as {suffix}"
        )
    return bytes(np.asarray(buffer))


def _png_options(pixels: Bytes) -> list[int]:
    rows = pixels[:: -(-len(pixels) // _SAMPLED_ROWS)]
    same = (rows[:, 1:] == rows[:, :-1]).all(axis=2)
    return _PNG_SCREEN if same.size and same.mean() > _FLAT else _PNG_PHOTO


def _webp(pixels: Bytes, mode: str) -> bytes:
    """Through Pillow: OpenCV cannot choose the method. Four channels, which it takes without a copy."""
    height, width = pixels.shape[:2]
    out = BytesIO()
    try:
        whole = frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)
        whole.save(out, "WebP", quality=WEBP_QUALITY, method=WEBP_METHOD)
    except ValueError as error:  # libwebp says only that it could not
        raise MemoryError(str(error)) from error
    return out.getvalue()
