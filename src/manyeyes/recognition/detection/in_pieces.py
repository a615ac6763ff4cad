"""Searches a long picture piece by piece, and joins what was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.detection.boxes import suppress_within
from manyeyes.recognition.detection.detections import NOTHING, Detections
from manyeyes.recognition.pieces import Piece, pieces

LEAST_SIDE_PX = 32
"""Of a picture that is searched in pieces: below, no detector finds a face."""
OVERLAP = 0.5
"""Of two boxes that share more of the smaller one, only one stays."""

Find = Callable[[Bytes], Detections]


def find_in_pieces(find: Find, image_hwc_u8: Bytes) -> Detections:
    """The faces in the pieces of a long picture, each once; nothing for a picture that is not long.

    Where two pieces show the same face, the one that shows it whole counts.
    """
    height, width = image_hwc_u8.shape[:2]
    parts = pieces(width, height)
    if len(parts) == 1 or min(height, width) < LEAST_SIDE_PX:
        return NOTHING
    found = [(part, find(image_hwc_u8[part[1] : part[3], part[0] : part[2]])) for part in parts]
    boxes, scores, points, cut = (
        np.concatenate(values)
        for values in zip(*(_in_picture(part, seen, width, height) for part, seen in found), strict=True)
    )
    if not len(boxes):
        return NOTHING
    kept = suppress_within(boxes, scores - cut, OVERLAP)
    return Detections(boxes, scores, points).pick(kept)


def _in_picture(part: Piece, found: Detections, width: int, height: int) -> tuple[Any, Any, Any, Any]:
    """Boxes, scores and landmarks in the picture's pixels; and which boxes an inner edge of the piece cuts."""
    left, top, right, bottom = part
    corner: Any = np.array([left, top], np.float32)
    boxes = found.boxes_xyxy_px + np.tile(corner, 2)
    cut = (boxes[:, 0] < left) & (left > 0) | (boxes[:, 2] > right) & (right < width)
    cut |= (boxes[:, 1] < top) & (top > 0) | (boxes[:, 3] > bottom) & (bottom < height)
    return boxes, found.scores, found.landmarks_px + corner, cut.astype(np.float32)
