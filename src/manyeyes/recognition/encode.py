"""The predicted picture's pixels to bytes, in the format that `formats` says."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL.Image import frombuffer

from manyeyes.errors import DamagedPicture
from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.decode import Picture
from manyeyes.recognition.formats import predicted_format
from manyeyes.recognition.memory import shortage_named

JPEG_QUALITY = 92
WEBP_QUALITY = 90
WEBP_METHOD, WEBP_METHOD_HUGE, WEBP_HUGE_PX = 2, 0, 20_000_000
"""Half the time of libwebp's default at the same size; a huge picture would take a worker near its deadline."""
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
_PNG = [
    *(cv2.IMWRITE_PNG_COMPRESSION, 1),
    *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE),
    *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_AVG),
]  # fmt: skip
"""On photographs 0.6 of the time of level 1 with every filter tried, and smaller."""


@dataclass(frozen=True)
class Encoded:
    """An encoded picture and its media type."""

    content: bytes
    media_type: str


def encode(picture: Picture) -> Encoded:
    """A picture's pixels with their alpha, if any, in the format in which this original comes back.

    Raises:
        TooManyPixels: too little memory for it here.
    """
    alpha = picture.alpha_hw_u8
    chosen = predicted_format(picture.info.format, alpha=alpha is not None)
    with shortage_named(picture.info.width_px, picture.info.height_px):
        if chosen.key == "webp":
            content = _webp(picture.image_hwc_u8, alpha)
        elif chosen.key == "jpeg":
            content = _by_opencv(".jpg", picture.image_hwc_u8, _JPEG)
        else:
            pixels = picture.image_hwc_u8
            if alpha is not None:
                pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA)
                cv2.insertChannel(alpha, pixels, 3)
            content = _by_opencv(".png", pixels, _PNG)
        return Encoded(content, chosen.media_type)


def _by_opencv(suffix: str, pixels: Bytes, options: list[int]) -> bytes:
    done, buffer = cv2.imencode(suffix, pixels, options)
    if not done:
        raise DamagedPicture(
            f"a picture of {pixels.shape[1]}×{pixels.shape[0]} px cannot be written as {suffix}"
        )
    return bytes(np.asarray(buffer))


def _webp(image: Bytes, alpha: Bytes | None) -> bytes:
    """Through Pillow: OpenCV cannot choose the method. Four channels, which Pillow takes without a copy."""
    height, width = image.shape[:2]
    pixels = cv2.cvtColor(image, cv2.COLOR_BGR2RGBA)
    if alpha is not None:
        cv2.insertChannel(alpha, pixels, 3)
    mode = "RGBX" if alpha is None else "RGBA"
    method = WEBP_METHOD if width * height <= WEBP_HUGE_PX else WEBP_METHOD_HUGE
    out = BytesIO()
    whole = frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)
    whole.save(out, "WebP", quality=WEBP_QUALITY, method=method)
    return out.getvalue()
