"""Decodes GIF, TIFF, BMP, AVIF, HEIC and 16-bit PNG with Pillow's readers."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import cv2
import numpy as np
from PIL import AvifImagePlugin
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Image import Image
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from manyeyes.errors import DamagedPicture, UnsupportedFormat
from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.pictures.formats import ANOTHER_COPY, BY_KEY

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # a worker has one core
_BAND_ROWS = 256
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_TURNED_BY_PILLOW = ("tiff", "heic")


def turned_already(key: str) -> bool:
    """Whether the reader applies the orientation itself."""
    return key in _TURNED_BY_PILLOW


def _open_heif(stream: BytesIO) -> ImageFile:
    try:
        from pillow_heif import HeifImageFile, options
    except ImportError as error:
        package, extra = BY_KEY["heic"].extra or ("", "")
        raise UnsupportedFormat(
            f"picture is HEIC, and the package {package} that reads it is not installed on the machine that reads it; "
            f"install it there with: pip install '{extra}', or convert the picture to JPEG"
        ) from error
    options.DECODE_THREADS = 1
    reader: Callable[[BytesIO], ImageFile] = HeifImageFile
    return reader(stream)


_READERS: dict[str, Callable[[BytesIO], ImageFile]] = {
    "png": PngImageFile,
    "gif": GifImageFile,
    "tiff": TiffImageFile,
    "bmp": BmpImageFile,
    "avif": AvifImageFile,
    "heic": _open_heif,
}


def decode_with_pillow(data: bytes, key: str) -> tuple[Bytes, Bytes | None]:
    """The first picture of a file: uint8 (h, w, 3) BGR, and alpha (h, w) or None.

    Raises:
        UnsupportedFormat: the samples have 32 bits or floating point, or the reader is not installed.
        DamagedPicture: the file is cut short, or its parts contradict each other.
        MemoryError: there is too little memory.
    """
    name = BY_KEY[key].name
    try:
        with _READERS[key](BytesIO(data)) as image:
            image.load()
            return _pixels(image, name)
    except (MemoryError, UnsupportedFormat):
        raise
    except Exception as error:  # Pillow's readers raise many classes of exceptions
        told = str(error) or type(error).__name__
        if "memory" in told.lower():
            raise MemoryError(told) from error
        cut = "truncated" in told or "end of file" in told.lower()
        what = "is cut short" if cut else "cannot be decoded"
        raise DamagedPicture(f"the {name} {what}: {told.splitlines()[0]}; {ANOTHER_COPY}") from error


def _pixels(image: Image, name: str) -> tuple[Bytes, Bytes | None]:
    """Convert in bands of rows, so that memory never holds a huge picture three times."""
    if image.mode in ("F", "I"):
        raise UnsupportedFormat(
            f"the {name} has 32-bit samples ({image.mode}), which are measurements rather than a picture; "
            "save it with 8 or 16 bit"
        )
    width, height = image.size
    alpha_hw = np.empty((height, width), np.uint8) if image.has_transparency_data else None
    out = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _BAND_ROWS):
        rows = slice(top, min(top + _BAND_ROWS, height))
        band = image.crop((0, top, width, rows.stop))
        if band.mode in _SIXTEEN_BIT:
            out[rows] = (np.asarray(band) >> 8).astype(np.uint8)[:, :, None]
        elif alpha_hw is not None:
            rgba = np.asarray(band if band.mode == "RGBA" else band.convert("RGBA"))
            out[rows], alpha_hw[rows] = rgba[:, :, 2::-1], rgba[:, :, 3]
        else:
            rgb = np.asarray(band if band.mode == "RGB" else band.convert("RGB"))
            cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR, dst=out[rows])
    return out, alpha_hw
