"""An image pyramid: a picture at decreasing sizes, and square crops from the size that has enough detail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from manyeyes.recognition.arrays import Bytes

BORDER = 127
"""Grey that fills crops past the border and the padding of tight pictures."""


@dataclass(frozen=True)
class Level:
    """One size; `scale_xy` (2,) is its pixels per pixel of the picture.

    `searched`: whether this size is searched for faces.
    """

    image: Bytes
    scale_xy: Any
    searched: bool


def halve(image: Bytes) -> Bytes:
    """Half the size, each pixel the mean of four; an odd last row or column is left out."""
    half_h, half_w = image.shape[0] // 2, image.shape[1] // 2
    half: Bytes = cv2.resize(
        image[: 2 * half_h, : 2 * half_w], (half_w, half_h), interpolation=cv2.INTER_AREA
    )
    return half


def build(image: Bytes, *, first_scale: float, factor: float, smallest_px: int) -> list[Level]:
    """Levels from large to small, each made from the one before.

    The picture itself and its halves down to `first_scale` are used for crops only. The levels from there on
    are searched: each is `factor` of the level before, and no side is shorter than `smallest_px`.
    """
    levels = [Level(image, np.ones(2), False)]
    halved = 1.0
    while halved / 2 >= first_scale and min(levels[-1].image.shape[:2]) >= 2:
        halved /= 2
        levels.append(Level(halve(levels[-1].image), np.full(2, halved), False))
    height, width = image.shape[:2]
    scale = first_scale
    while min(height, width) * scale >= smallest_px:
        last = levels[-1]
        last_size = np.array(last.image.shape[1::-1])
        size = np.maximum(np.rint(last_size * (scale / last.scale_xy)).astype(int), 1)
        smaller = cv2.resize(last.image, size.tolist(), interpolation=cv2.INTER_LINEAR)
        levels.append(Level(smaller, size / last_size * last.scale_xy, True))
        scale *= factor
    return levels


def crops(levels: list[Level], boxes_xyxy_px: Any, side_px: int) -> Bytes:
    """Square crops, uint8 (n, side, side, 3), each from the smallest level that still has the detail.

    A crop is grey beyond the picture's edge.
    """
    found = np.full((len(boxes_xyxy_px), side_px, side_px, 3), BORDER, np.uint8)
    scales = np.stack([level.scale_xy for level in levels])
    widths = boxes_xyxy_px[:, 2] - boxes_xyxy_px[:, 0]
    detailed = widths[:, None] * scales.mean(axis=1) >= side_px
    chosen = np.maximum(detailed.sum(axis=1) - 1, 0)
    corners = np.rint(boxes_xyxy_px * np.tile(scales[chosen], 2)).astype(int)
    corners[:, 2:] = np.maximum(corners[:, 2:], corners[:, :2] + 2)
    for crop, level, (x1, y1, x2, y2) in zip(found, chosen.tolist(), corners.tolist(), strict=True):
        _fill(crop, levels[level].image, x1, y1, x2, y2)
    return found


def _fill(crop: Bytes, image: Bytes, x1: int, y1: int, x2: int, y2: int) -> None:
    """Scale a box of the image, at least 2×2 px, into a grey crop."""
    height, width = image.shape[:2]
    left, top, right, bottom = max(0, x1), max(0, y1), min(width, x2), min(height, y2)
    if right <= left or bottom <= top:
        return
    part = image[top:bottom, left:right]
    if (left, top, right, bottom) != (x1, y1, x2, y2):
        around = (top - y1, y2 - bottom, left - x1, x2 - right)
        part = cv2.copyMakeBorder(part, *around, cv2.BORDER_CONSTANT, value=(BORDER,) * 3)
    cv2.resize(part, crop.shape[1::-1], dst=crop, interpolation=cv2.INTER_LINEAR)
