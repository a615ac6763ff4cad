"""Searches again if a detector finds nothing, or faces that lie on their side or head.

A further search first shrinks the picture to 640 px or less, so a picture without a face takes about four times
as long as one search.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, hypot, log
from typing import Any

import cv2
import numpy as np

from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.detection.detections import Detections

GREY = (127, 127, 127)
LOOK_PX = 640
PAD_FRACTION = 0.25
"""Width of the grey border, as a part of the longer side; it helps with portraits cut at the hairline."""
TURNS_DEGREES = (25.0, -25.0)
"""The detectors were trained on upright faces; they find faces that are turned by up to about 20°."""
TURNED_SCORE = 0.95
"""Lowest score for faces in a turned picture: real faces have 0.95 to 1, drawings and covered faces less."""
LYING_DEGREES = (180.0, 90.0, -90.0)
"""A scan without orientation in its EXIF may lie on its head or side."""
CONFIRM_SCALE = 0.8
"""Few pictures lie, so that more of what is found in them is no face: it must be found at a second size too."""
LIES_DEGREES = 60.0
"""A face lies if it is turned by more. Of 288 upright faces, the most is 31°; of lying ones, the least is 40°."""
DARK_MEAN = 64.0
LIT_MEAN = 110.0
Find = Callable[[Bytes], Detections]
"""One search: finds the faces in a picture, uint8 (h, w, 3) BGR."""


def look(find: Find, image_hwc_u8: Bytes, *, turned_score: float = TURNED_SCORE) -> Detections:
    """The faces of a picture, uint8 (h, w, 3) BGR; searches again if nothing is found.

    It then tries the picture with a grey border, brightened if it is dark, and turned: a little to either side,
    then on its head and its sides.
    """
    found = find(image_hwc_u8)
    if not len(found):
        return _look_harder(find, image_hwc_u8, turned_score)
    if lie_by(found) is None:
        return found
    small, ratio = _small(image_hwc_u8)
    return _scaled(_upright(find, small, _scaled(found, 1 / ratio), turned_score), ratio)


def lie_by(found: Detections) -> float | None:
    """By which of `LYING_DEGREES` the picture must be turned, by where mouths lie; None if most faces are upright.

    A detector may find a face that lies, but with landmarks that are too far off to name it.
    """
    points = found.landmarks_px
    down = points[:, 3:].mean(axis=1) - points[:, :2].mean(axis=1)
    tilt = np.degrees(np.arctan2(-down[:, 0], down[:, 1]))
    if 2 * int((np.abs(tilt) > LIES_DEGREES).sum()) <= len(found):
        return None
    middle = float(np.median(np.abs(tilt)))
    return 180.0 if middle > 135.0 else float(np.copysign(90.0, np.median(tilt)))


def brightened(image_hwc_u8: Bytes) -> Bytes | None:
    """The picture with highlights stretched to white and the middle lifted; None if it is light enough."""
    mean = float(image_hwc_u8.mean())
    if mean >= DARK_MEAN:
        return None
    white = max(8.0, float(np.percentile(image_hwc_u8, 99.5)))
    stretched = min(0.9, max(0.01, mean / white))
    gamma = min(1.0, log(LIT_MEAN / 255.0) / log(stretched))
    levels = np.clip((np.arange(256) / white), 0.0, 1.0) ** gamma * 255.0
    lit: Bytes = cv2.LUT(image_hwc_u8, levels.astype(np.uint8))
    return lit


def _look_harder(find: Find, image: Bytes, turned_score: float) -> Detections:
    small, ratio = _small(image)
    lit = brightened(small)
    for attempt in (small, lit):
        if attempt is not None and len(found := _bordered(find, attempt)):
            return _scaled(_upright(find, attempt, found, turned_score), ratio)
    light = small if lit is None else lit
    for degrees in TURNS_DEGREES:
        if len(found := _turned(find, light, degrees, turned_score)):
            return _scaled(found, ratio)
    for degrees in LYING_DEGREES:
        if len(found := _lying(find, light, degrees, turned_score)):
            return _scaled(found, ratio)
    return found


def _upright(find: Find, image: Bytes, found: Detections, turned_score: float) -> Detections:
    """What was found in a picture; if it lies, what is found there when the picture is turned upright."""
    if (degrees := lie_by(found)) is None:
        return found
    upright = _lying(find, image, degrees, turned_score)
    return upright if 2 * len(upright) >= len(found) else found


def _small(image: Bytes) -> tuple[Bytes, Any]:
    """A copy for the further searches, and the picture's px per px of the copy (2,)."""
    height, width = image.shape[:2]
    scale = min(1.0, LOOK_PX / max(height, width))
    small = image
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return small, np.array([width / small.shape[1], height / small.shape[0]], np.float32)


def _bordered(find: Find, image: Bytes) -> Detections:
    pad = max(4, round(max(image.shape[:2]) * PAD_FRACTION))
    found = find(cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=GREY))
    return Detections(found.boxes_xyxy_px - pad, found.scores, found.landmarks_px - pad)


def _turned(find: Find, image: Bytes, degrees: float, least_score: float) -> Detections:
    height, width = image.shape[:2]
    side = ceil(hypot(height, width))
    matrix: Any = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    matrix[:, 2] += ((side - width) / 2, (side - height) / 2)
    found = find(cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=GREY))
    sure = found.pick(found.scores >= least_score)
    back = cv2.invertAffineTransform(matrix)
    boxes = sure.boxes_xyxy_px
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    centres = (boxes[:, :2] + half) @ back[:, :2].T + back[:, 2]
    landmarks = sure.landmarks_px @ back[:, :2].T + back[:, 2]
    if degrees in (90.0, -90.0):
        half = half[:, ::-1]
    boxes = np.hstack([centres - half, centres + half])
    return Detections(boxes.astype(np.float32), sure.scores, landmarks.astype(np.float32))


def _lying(find: Find, image: Bytes, degrees: float, least_score: float) -> Detections:
    found = _turned(find, image, degrees, least_score)
    if not len(found):
        return found
    again = _turned(find, cv2.resize(image, None, fx=CONFIRM_SCALE, fy=CONFIRM_SCALE), degrees, least_score)
    corners = found.boxes_xyxy_px, again.boxes_xyxy_px / CONFIRM_SCALE
    first, second = ((boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in corners)
    apart = np.linalg.norm(first[:, None] - second[None], axis=2).min(axis=1, initial=np.inf)
    kept = apart < (found.boxes_xyxy_px[:, 2:] - found.boxes_xyxy_px[:, :2]).min(axis=1) / 4
    return found.pick(kept)


def _scaled(found: Detections, ratio_xy: Any) -> Detections:
    return Detections(found.boxes_xyxy_px * np.tile(ratio_xy, 2), found.scores, found.landmarks_px * ratio_xy)
