"""The predicted picture's pixels to bytes, in the format that `formats` says."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from manyeyes.errors import DamagedPicture
from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.decode import Picture
from manyeyes.recognition.formats import predicted_format
from manyeyes.recognition.memory import shortage_named

JPEG_QUALITY = 92
WEBP_QUALITY = 90
PNG_COMPRESSION = 1
_WRITERS: dict[str, tuple[str, list[int]]] = {
    "jpeg": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]),
    "png": (".png", [cv2.IMWRITE_PNG_COMPRESSION, PNG_COMPRESSION]),
    "webp": (".webp", [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY]),
}


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
    chosen = predicted_format(picture.info.format, alpha=picture.alpha_hw_u8 is not None)
    suffix, options = _WRITERS[chosen.key]
    with shortage_named(picture.info.width_px, picture.info.height_px):
        pixels = picture.image_hwc_u8
        if picture.alpha_hw_u8 is not None:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA)
            cv2.insertChannel(picture.alpha_hw_u8, pixels, 3)
        return Encoded(_written(suffix, pixels, options), chosen.media_type)


def _written(suffix: str, pixels: Bytes, options: list[int]) -> bytes:
    done, buffer = cv2.imencode(suffix, pixels, options)
    if not done:
        raise DamagedPicture(
            f"a picture of {pixels.shape[1]}×{pixels.shape[0]} px cannot be written as {suffix}"
        )
    return bytes(np.asarray(buffer))
