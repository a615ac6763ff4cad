"""Draws boxes and names on a picture, readable on small and on large pictures."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import cv2

from manyeyes.recognition.arrays import Bytes
from manyeyes.results import Face

KNOWN_BGR = (80, 175, 30)
UNKNOWN_BGR = (40, 110, 235)
TEXT_BGR = (255, 255, 255)
UNKNOWN = "unknown"
MIN_TEXT_PX = 8
OPAQUE = 255
_WEIGHT = 600


def draw(image_hwc_u8: Bytes, faces: Sequence[Face], alpha_hw_u8: Bytes | None = None) -> None:
    """Draw a box and a name for each face on the picture, uint8 (h, w, 3) BGR, in place.

    Lines grow with the picture, text with picture and face. Labels stay inside the picture; a name that is
    too long for it is shortened. `alpha_hw_u8`, if given, becomes opaque where something is drawn.
    """
    line = max(1, round(min(image_hwc_u8.shape[:2]) / 250))
    for face in faces:
        colour = UNKNOWN_BGR if face.name is None else KNOWN_BGR
        x1, y1, x2, y2 = face.box_xyxy_px
        _rectangle(image_hwc_u8, alpha_hw_u8, (x1, y1), (x2 - 1, y2 - 1), colour, line)
    for face in faces:  # after all boxes: no box crosses a name
        _label(image_hwc_u8, alpha_hw_u8, face, line)


def _rectangle(
    image: Bytes,
    alpha: Bytes | None,
    corner: tuple[int, int],
    opposite: tuple[int, int],
    colour: tuple[int, int, int],
    line: int,
) -> None:
    cv2.rectangle(image, corner, opposite, colour, line)
    if alpha is not None:
        cv2.rectangle(alpha, corner, opposite, (OPAQUE,), line)


def _label(drawn: Bytes, alpha: Bytes | None, face: Face, line: int) -> None:
    height, width = drawn.shape[:2]
    x1, y1, x2, y2 = face.box_xyxy_px
    by_face, by_picture = (x2 - x1) / 6, min(height, width) / 28
    size = round(max(MIN_TEXT_PX, min(max(by_face, 0.6 * by_picture), 2 * by_picture)))
    margin = max(1, size // 4)
    text = _single_line(face.name or UNKNOWN)
    while size > MIN_TEXT_PX and _width(text, size) + 2 * margin > width:
        size -= 1
    text = _shorten(text, size, width - 2 * margin)
    if not text:
        return
    box_w, box_h = min(width, _width(text, size) + 2 * margin), round(size * 1.1) + 2 * margin
    if box_h > height:
        return
    left = min(max(0, x1 - line // 2), width - box_w)
    top = y1 - box_h if y1 >= box_h else min(y2, height - box_h)
    colour = UNKNOWN_BGR if face.name is None else KNOWN_BGR
    _rectangle(drawn, alpha, (left, top), (left + box_w - 1, top + box_h - 1), colour, cv2.FILLED)
    baseline = top + margin + round(size * 0.88)
    cv2.putText(drawn, text, (left + margin, baseline), TEXT_BGR, _fonts.sans, size, _WEIGHT)


def _single_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()) or UNKNOWN


def _shorten(text: str, size: int, room_px: int) -> str:
    if _width(text, size) <= room_px:
        return text
    for length in range(min(len(text) - 1, 80), 0, -1):
        short = text[:length].rstrip() + "…"
        if _width(short, size) <= room_px:
            return short
    return ""


def _width(text: str, size: int) -> int:
    x, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), _fonts.sans, size, _WEIGHT)
    return int(x + width)


class _Fonts(threading.local):
    """OpenCV's built-in font, one for each thread: Latin, Greek, Cyrillic, Chinese, Japanese, Korean."""

    @cached_property
    def sans(self) -> Any:
        return cv2.FontFace("sans")


_fonts = _Fonts()
