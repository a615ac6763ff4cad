"""Boxes (n, 4) as x1, y1, x2, y2 px: leave out those that overlap a better one."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np


def suppress(boxes: Any, scores: Any, overlap: float) -> Any:
    """Greedy non-maximum suppression by intersection over union; indices of the kept, best first."""
    if not len(boxes):
        return np.zeros(0, np.intp)
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    positive = scores - min(0.0, float(scores.min()) - 1.0)  # OpenCV drops scores that are not positive
    corners_and_sides: Any = np.hstack([boxes[:, :2], sides]).astype(np.float64)
    kept = cv2.dnn.NMSBoxes(corners_and_sides, positive.astype(np.float32), 0.0, overlap)
    return np.asarray(kept, np.intp)


def suppress_within(boxes: Any, scores: Any, overlap: float) -> Any:
    """As `suppress`, by intersection over the smaller box: a box inside another is left out too."""
    order = np.argsort(-scores, kind="stable")
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    areas = sides[:, 0] * sides[:, 1]
    kept: list[int] = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        shared = np.minimum(boxes[rest, 2:], boxes[best, 2:]) - np.maximum(boxes[rest, :2], boxes[best, :2])
        shared = np.maximum(shared, 0).prod(axis=1)
        order = rest[shared <= overlap * np.minimum(areas[rest], areas[best])]
    return np.asarray(kept, np.intp)
