"""Draws boxes and names on a picture, readable on small and on large pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.pictures.labels import Line, lay_out, shorten, single_line
from manyeyes.results import TOO_SMALL, UNKNOWN, Face
from manyeyes.wording import several

KNOWN_BGR = (80, 175, 30)
UNKNOWN_BGR = (40, 110, 235)
TOO_SMALL_BGR = (190, 90, 30)
TEXT_BGR = (255, 255, 255)
MIN_TEXT_PX = 8
OPAQUE = 255
_KEPT_LABELS = 128
_Box = tuple[int, int, int, int]
"""Left, top, right and bottom edge."""


def draw(image_hwc_u8: Bytes, faces: Sequence[Face], alpha_hw_u8: Bytes | None = None) -> None:
    """Draw a box and a name for each face on the picture, uint8 (h, w, 3) BGR, in place.

    Lines grow with the picture, text with picture and face. Labels stay inside the picture; a name that is
    too long for it is shortened. Of unknown faces the largest has its label in any case, others have it where it
    covers no other face and no label. Faces that are too small to name get a thin box each, and one line in a
    corner says how many they are. `alpha_hw_u8`, if given, becomes opaque where something is drawn.
    """
    line = max(1, round(min(image_hwc_u8.shape[:2]) / 250))
    small = [face for face in faces if face.too_small]
    for face in (*small, *(face for face in faces if not face.too_small)):
        x1, y1, x2, y2 = face.box_xyxy_px
        width = max(1, min(line // 2, (x2 - x1) // 10)) if face.too_small else line
        _rectangle(image_hwc_u8, alpha_hw_u8, (x1, y1), (x2 - 1, y2 - 1), _colour(face), width)
    # after all boxes: no box crosses a name
    if small:
        _count(image_hwc_u8, alpha_hw_u8, len(small), faces)
    named = [label for face in faces if face.name is not None and (label := _label(image_hwc_u8, face, line))]
    for label in (*_unknown(image_hwc_u8, faces, named, line), *named):
        _paste(image_hwc_u8, alpha_hw_u8, label)


def _colour(face: Face) -> tuple[int, int, int]:
    if face.too_small:
        return TOO_SMALL_BGR
    return UNKNOWN_BGR if face.name is None else KNOWN_BGR


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


class _Label(NamedTuple):
    """A label and where its upper left corner goes."""

    block: Bytes
    left: int
    top: int

    @property
    def box(self) -> _Box:
        height, width = self.block.shape[:2]
        return self.left, self.top, self.left + width, self.top + height


def _meet(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _area(face: Face) -> int:
    x1, y1, x2, y2 = face.box_xyxy_px
    return (x2 - x1) * (y2 - y1)


def _unknown(drawn: Bytes, faces: Sequence[Face], named: Sequence[_Label], line: int) -> list[_Label]:
    """The labels of unknown faces, above or below their boxes, as far as they hide nothing; that of the largest in any case."""
    found: list[_Label] = []
    unknown = [face for face in faces if face.name is None and not face.too_small]
    for face in sorted(unknown, key=_area, reverse=True):
        above = _label(drawn, face, line)
        if above is None:
            continue
        below = above._replace(top=face.box_xyxy_px[3])
        others = [label.box for label in (*named, *found)]
        others += [other.box_xyxy_px for other in faces if other is not face]
        for label in (above, below):
            if label.box[3] <= len(drawn) and not any(_meet(label.box, other) for other in others):
                found.append(label)
                break
        else:
            found += [above] if not found else []
    return found


def _label(drawn: Bytes, face: Face, line: int) -> _Label | None:
    """The label of a face; None if the picture has no room for one."""
    height, width = drawn.shape[:2]
    x1, y1, x2, y2 = face.box_xyxy_px
    by_face, by_picture = (x2 - x1) / 6, min(height, width) / 28
    size = round(max(MIN_TEXT_PX, min(max(by_face, 0.6 * by_picture), 2 * by_picture)))
    block = _fitting(single_line(face.name or "") or UNKNOWN, size, (height, width), _colour(face))
    if block is None:
        return None
    box_h, box_w = block.shape[:2]
    left = min(max(0, x1 - line // 2), width - box_w)
    return _Label(block, left, y1 - box_h if y1 >= box_h else min(y2, height - box_h))


def _count(drawn: Bytes, alpha: Bytes | None, number: int, faces: Sequence[Face]) -> None:
    """How many faces are too small to name, in the corner where the line covers the fewest faces."""
    height, width = drawn.shape[:2]
    size = max(MIN_TEXT_PX, round(min(height, width) / 28))
    block = _fitting(f"{several(number, 'face')} {TOO_SMALL}", size, (height, width), TOO_SMALL_BGR)
    if block is None:
        return
    box_h, box_w = block.shape[:2]
    corners = [_Label(block, left, top) for top in (height - box_h, 0) for left in (0, width - box_w)]
    _paste(drawn, alpha, min(corners, key=lambda at: sum(_meet(at.box, face.box_xyxy_px) for face in faces)))


def _fitting(text: str, size: int, picture: tuple[int, int], colour: tuple[int, int, int]) -> Bytes | None:
    """A label that fits a picture (height, width): smaller or shortened text; None if there is no room for one."""
    height, width = picture
    margin = max(1, size // 4)
    laid_out = lay_out(text)
    while size > MIN_TEXT_PX and _width(laid_out, size) + 2 * margin > width:
        size -= 1
    text = shorten(text, (width - 2 * margin) / size)
    if not text:
        return None
    laid_out = lay_out(text)
    box_w = min(width, _width(laid_out, size) + 2 * margin)
    box_h = round(size * (laid_out.ascent + laid_out.descent)) + 2 * margin
    return None if box_h > height else _block(text, size, margin, (box_h, box_w), colour)


def _paste(drawn: Bytes, alpha: Bytes | None, label: _Label) -> None:
    x1, y1, x2, y2 = label.box
    drawn[y1:y2, x1:x2] = label.block
    if alpha is not None:
        alpha[y1:y2, x1:x2] = OPAQUE


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
