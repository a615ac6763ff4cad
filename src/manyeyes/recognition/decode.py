"""Bytes to pixels and back, refusing pictures that were cut short."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

import cv2
import numpy as np

from manyeyes.errors import DamagedPicture
from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.probe import PictureInfo, read_header

JPEG_QUALITY = 92
WEBP_QUALITY = 90
PNG_COMPRESSION = 1
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


@dataclass(frozen=True)
class Picture:
    """Decoded pixels: uint8 (h, w, 3) BGR as a person sees them, and alpha (h, w) where there was any."""

    info: PictureInfo
    image_hwc_u8: Bytes
    alpha_hw_u8: Bytes | None


def decode(data: bytes) -> Picture:
    """Decode a JPEG, PNG or WebP with its EXIF orientation applied.

    OpenCV decodes a JPEG that was cut short into grey without a word, so the end of the file is checked
    first: JPEG by its markers, PNG by its chunks and their check sums, WebP by its length.

    Raises:
        NotAPicture, UnsupportedFormat, DamagedPicture.
    """
    if not data:
        raise DamagedPicture("the picture has 0 bytes")
    info = read_header(data)
    _CHECKS[info.format](data)
    flags = cv2.IMREAD_UNCHANGED
    if info.format == "jpeg":
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise DamagedPicture(f"the picture cannot be decoded: {error.err}; send the original") from error
    if pixels is None:
        raise DamagedPicture(f"the {info.format.upper()} cannot be decoded; send the original")
    image, alpha = _split_alpha(pixels)
    image = _turn(image, info.orientation)
    if image.shape[:2] != (info.height_px, info.width_px):
        raise DamagedPicture(
            f"picture is {image.shape[1]}×{image.shape[0]} px, its header says "
            f"{info.width_px}×{info.height_px}; send the original"
        )
    return Picture(info, image, None if alpha is None else _turn(alpha, info.orientation))


def encode(picture: Picture, drawn_hwc_u8: Bytes) -> bytes:
    """The drawn pixels in the picture's own format; alpha is kept, and opaque where something was drawn."""
    if picture.info.format == "jpeg":
        return _encode(".jpg", drawn_hwc_u8, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if picture.alpha_hw_u8 is not None:
        changed = np.any(drawn_hwc_u8 != picture.image_hwc_u8, axis=2)
        alpha = np.where(changed, np.uint8(255), picture.alpha_hw_u8)
        drawn_hwc_u8 = np.dstack([drawn_hwc_u8, alpha])
    if picture.info.format == "webp":
        return _encode(".webp", drawn_hwc_u8, [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY])
    return _encode(".png", drawn_hwc_u8, [cv2.IMWRITE_PNG_COMPRESSION, PNG_COMPRESSION])


def _encode(suffix: str, pixels: Bytes, options: list[int]) -> bytes:
    done, buffer = cv2.imencode(suffix, pixels, options)
    if not done:
        raise DamagedPicture(
            f"a picture of {pixels.shape[1]}×{pixels.shape[0]} px cannot be written as {suffix}"
        )
    return bytes(buffer)


def _split_alpha(pixels: Bytes) -> tuple[Bytes, Bytes | None]:
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    elif pixels.dtype != np.uint8:
        raise DamagedPicture(f"picture has samples of type {pixels.dtype}; 8 and 16 bit are accepted")
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels == 1:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), None
    if channels == 2:
        return cv2.cvtColor(pixels[:, :, 0], cv2.COLOR_GRAY2BGR), np.ascontiguousarray(pixels[:, :, 1])
    if channels == 4:
        alpha = np.ascontiguousarray(pixels[:, :, 3])
        return cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR), None if alpha.min() == 255 else alpha
    return pixels, None


def _turn(pixels: Bytes, orientation: int) -> Bytes:
    if orientation in (5, 6, 7, 8):
        pixels = cv2.transpose(pixels)
    if orientation in (2, 6):
        return cv2.flip(pixels, 1)
    if orientation in (3, 7):
        return cv2.flip(pixels, -1)
    return cv2.flip(pixels, 0) if orientation in (4, 8) else pixels


def _cut_short(kind: str, seen: str) -> DamagedPicture:
    return DamagedPicture(f"the {kind} is cut short: {seen}; send the whole file")


def _check_jpeg(data: bytes) -> None:
    at = 2
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 2 > len(data):
            raise _cut_short("JPEG", f"no end marker in {len(data)} bytes")
        if data[at] != 0xFF:
            raise DamagedPicture(f"the JPEG has no marker at byte {at}; send the original")
        marker = data[at + 1]
        at += 2
        if marker == 0xD9:
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        at += int.from_bytes(data[at : at + 2], "big")
        if marker == 0xDA:
            end = _END_OF_SCAN.search(data, at)
            at = end.start() if end else len(data)


def _check_png(data: bytes) -> None:
    at = 8
    view = memoryview(data)
    while at + 12 <= len(data):
        length = int.from_bytes(view[at : at + 4], "big")
        kind, end = bytes(view[at + 4 : at + 8]), at + 8 + length
        if end + 4 > len(data):
            break
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise DamagedPicture(
                f"the PNG's {kind!r} chunk at byte {at} fails its check sum; send the original"
            )
        if kind == b"IEND":
            return
        at = end + 4
    raise _cut_short("PNG", f"no end chunk in {len(data)} bytes")


def _check_webp(data: bytes) -> None:
    stated = int.from_bytes(data[4:8], "little") + 8
    if len(data) < stated:
        raise _cut_short("WebP", f"{len(data)} bytes of {stated}")


_CHECKS = {"jpeg": _check_jpeg, "png": _check_png, "webp": _check_webp}
