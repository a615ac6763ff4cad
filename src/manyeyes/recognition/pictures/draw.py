"""Draws boxes and names on a picture, readable on small and on large pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.pictures.labels import Line, lay_out, shorten, single_line
from manyeyes.results import UNKNOWN, Face

KNOWN_BGR = (80, 175, 30)
UNKNOWN_BGR = (40, 110, 235)
TEXT_BGR = (255, 255, 255)
MIN_TEXT_PX = 8
OPAQUE = 255
_KEPT_LABELS = 128


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
    text = single_line(face.name or "") or UNKNOWN
    laid_out = lay_out(text)
    while size > MIN_TEXT_PX and _width(laid_out, size) + 2 * margin > width:
        size -= 1
    text = shorten(text, (width - 2 * margin) / size)
    if not text:
        return
    laid_out = lay_out(text)
    box_w = min(width, _width(laid_out, size) + 2 * margin)
    box_h = round(size * (laid_out.ascent + laid_out.descent)) + 2 * margin
    if box_h > height:
        return
    left = min(max(0, x1 - line // 2), width - box_w)
    top = y1 - box_h if y1 >= box_h else min(y2, height - box_h)
    colour = UNKNOWN_BGR if face.name is None else KNOWN_BGR
    drawn[top : top + box_h, left : left + box_w] = _block(text, size, margin, (box_h, box_w), colour)
    if alpha is not None:
        alpha[top : top + box_h, left : left + box_w] = OPAQUE


def _width(line: Line, size: int) -> int:
    return round(line.width * size)


@lru_cache(_KEPT_LABELS)
def _block(text: str, size: int, margin: int, shape: tuple[int, int], colour: tuple[int, int, int]) -> Bytes:
    """The whole label, uint8 (h, w, 3) BGR."""
    line, mask = lay_out(text), np.zeros(shape, np.uint8)
    line.fill(mask, margin, margin + round(size * line.ascent), size)
    block: Bytes = _shades(colour)[mask]
    return block


@lru_cache
def _shades(colour: tuple[int, int, int]) -> Bytes:
    """Of each coverage, 0 to 255, the colour of the text over that of the label: uint8 (256, 3)."""
    part = np.arange(OPAQUE + 1)[:, None] / OPAQUE
    shades: Bytes = np.rint(part * TEXT_BGR + (1 - part) * colour).astype(np.uint8)
    return shades
