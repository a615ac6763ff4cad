"""MTCNN: faces and five landmarks each, by three networks of growing care.

Source: Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded CNNs" (2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.recognition.detections import NOTHING, Detections, MakePicture
from manyeyes.recognition.looks import look, look_around
from manyeyes.recognition.sessions import open_session

CELL_PX, STRIDE_PX = 12, 2
BORDER = 127
"""Grey that fills crops past the border and the padding of tight pictures."""


@dataclass(frozen=True)
class Settings:
    """What lost no face against dlib's detector; smaller faces and lower thresholds cost time."""

    min_face_px: float = 40.0
    longest_side_px: int = 1280
    pyramid_factor: float = 0.709
    thresholds: tuple[float, float, float] = (0.7, 0.7, 0.9)
    batch: int = 64


class Detector:
    """The three networks of a pack's folder: `pnet.onnx`, `rnet.onnx`, `onet.onnx`."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._pnet, self._rnet, self._onet = (open_session(folder / f"{n}net.onnx") for n in "pro")

    def detect(self, image_hwc_u8: Bytes) -> Detections:
        """Find the faces of a picture, uint8 (h, w, 3) BGR, from left to right; looks again as `looks` has it."""
        height, width = image_hwc_u8.shape[:2]
        image = _shrink(image_hwc_u8, self.settings.longest_side_px)
        found = look_around(self._find, image, look(self._find, image))
        ratio = np.array([width / image.shape[1], height / image.shape[0]], np.float32)
        order = np.argsort(found.boxes_xyxy_px[:, 0], kind="stable")
        return Detections(
            found.boxes_xyxy_px[order] * np.tile(ratio, 2),
            found.scores[order],
            found.landmarks_px[order] * ratio,
        )

    def warm_up(self) -> None:
        """Run each network once on grey."""
        self._run(self._pnet, ["logit"], np.full((1, 48, 64, 3), BORDER, np.uint8))
        self._run(self._rnet, ["logit"], np.full((1, 24, 24, 3), BORDER, np.uint8))
        self._run(self._onet, ["logit"], np.full((1, 48, 48, 3), BORDER, np.uint8))

    def raw_outputs(self, picture: MakePicture) -> dict[str, Floats]:
        """The networks' own outputs for one made picture each; for the pack's self-test."""
        p_logit, p_offsets = self._run(self._pnet, ["logit", "offsets"], picture(64, 96)[None])
        r_logit, r_offsets = self._run(self._rnet, ["logit", "offsets"], picture(24, 24)[None])
        o_logit, o_landmarks = self._run(self._onet, ["logit", "landmarks"], picture(48, 48)[None])
        found = {"pnet_logit": p_logit, "pnet_offsets": p_offsets, "rnet_logit": r_logit}
        return found | {"rnet_offsets": r_offsets, "onet_logit": o_logit, "onet_landmarks": o_landmarks}

    def _find(self, image: Bytes) -> Detections:
        pyramid = _pyramid(image, self.settings)
        proposals = [self._propose(level) for level in pyramid if level.proposes]
        if not proposals:
            return NOTHING
        boxes, scores = (np.concatenate(part) for part in zip(*proposals, strict=True))
        kept = _suppress(boxes, scores, 0.7)
        boxes = _square(boxes[kept])
        refined = self._refine(pyramid, boxes)
        return self._output(pyramid, refined)

    def _propose(self, level: _Level) -> tuple[Any, Any]:
        logit, offsets = self._run(self._pnet, ["logit", "offsets"], level.image[None])
        rows, columns = np.nonzero(logit[0, 0] > _logit(self.settings.thresholds[0]))
        scores = logit[0, 0, rows, columns]
        corner = np.stack([columns, rows], axis=1) * float(STRIDE_PX)
        boxes = np.hstack([corner, corner + CELL_PX]) + offsets[0, :, rows, columns] * CELL_PX
        kept = _suppress(boxes, scores, 0.5)
        return boxes[kept] / np.tile(level.scale_xy, 2), scores[kept]

    def _refine(self, pyramid: list[_Level], boxes: Any) -> Any:
        logit, offsets = self._batches(self._rnet, ["logit", "offsets"], pyramid, boxes, 24)
        keep = logit[:, 0] > _logit(self.settings.thresholds[1])
        boxes, scores = _shift(boxes, offsets)[keep], logit[keep, 0]
        return _square(boxes[_suppress(boxes, scores, 0.5)])

    def _output(self, pyramid: list[_Level], boxes: Any) -> Detections:
        names = ["logit", "offsets", "landmarks"]
        logit, offsets, landmarks = self._batches(self._onet, names, pyramid, boxes, 48)
        sides = boxes[:, 2:] - boxes[:, :2] + 1
        points = landmarks.reshape(-1, 2, 5).transpose(0, 2, 1) * sides[:, None] + boxes[:, None, :2] - 1
        keep = logit[:, 0] > _logit(self.settings.thresholds[2])
        boxes, scores, points = _shift(boxes, offsets)[keep], logit[keep, 0], points[keep]
        kept = _suppress(boxes, scores, 0.7, of_smaller=True)
        probability = 1.0 / (1.0 + np.exp(-scores[kept]))
        return Detections(*(part.astype(np.float32) for part in (boxes[kept], probability, points[kept])))

    def _batches(
        self, session: Any, names: list[str], pyramid: list[_Level], boxes: Any, side: int
    ) -> list[Any]:
        sizes = {"logit": 1, "offsets": 4, "landmarks": 10}
        parts: list[list[Any]] = [[np.zeros((0, sizes[name]), np.float32)] for name in names]
        for start in range(0, len(boxes), self.settings.batch):
            crops = _crops(pyramid, boxes[start : start + self.settings.batch], side)
            for part, output in zip(parts, self._run(session, names, crops), strict=True):
                part.append(output)
        return [np.concatenate(part) for part in parts]

    @staticmethod
    def _run(session: Any, names: list[str], pictures: Any) -> Any:
        return session.run(names, {"pictures": pictures})


@dataclass(frozen=True)
class _Level:
    image: Bytes
    scale_xy: Any
    proposes: bool


def _shrink(image: Bytes, longest_px: int) -> Bytes:
    """The picture with its longer side at most so long: halved while that is cheap and exact, then the rest."""
    while max(image.shape[:2]) >= 2 * longest_px and min(image.shape[:2]) >= 2:
        half_h, half_w = image.shape[0] // 2, image.shape[1] // 2
        even = image[: 2 * half_h, : 2 * half_w]
        image = cv2.resize(even, (half_w, half_h), interpolation=cv2.INTER_AREA)
    height, width = image.shape[:2]
    scale = longest_px / max(height, width)
    if scale >= 1.0:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


def _pyramid(image: Bytes, settings: Settings) -> list[_Level]:
    """Levels from large to small, each made from the one before; the first ones only lend crops."""
    height, width = image.shape[:2]
    first = CELL_PX / settings.min_face_px
    scale = first
    while scale / settings.pyramid_factor < 0.9:
        scale /= settings.pyramid_factor
    levels = [_Level(image, np.ones(2), False)]
    while min(height, width) * scale >= CELL_PX:
        size = (round(width * scale), round(height * scale))
        smaller = cv2.resize(levels[-1].image, size, interpolation=cv2.INTER_LINEAR)
        levels.append(_Level(smaller, np.array(size) / (width, height), scale <= first * 1.001))
        scale *= settings.pyramid_factor
    return levels


def _crops(pyramid: list[_Level], boxes: Any, side: int) -> Bytes:
    """Square crops (n, side, side, 3), each from the smallest level that still has the detail."""
    crops = np.full((len(boxes), side, side, 3), BORDER, np.uint8)
    scales = np.array([level.scale_xy.mean() for level in pyramid])
    for place, box in enumerate(boxes):
        detailed = np.flatnonzero((box[2] - box[0]) * scales >= side)
        level = pyramid[detailed[-1] if len(detailed) else 0]
        x1, y1, x2, y2 = (round(float(v)) for v in box * np.tile(level.scale_xy, 2))
        crops[place] = _crop(level.image, x1, y1, max(x2, x1 + 2), max(y2, y1 + 2), side)
    return crops


def _crop(image: Bytes, x1: int, y1: int, x2: int, y2: int, side: int) -> Any:
    height, width = image.shape[:2]
    left, top, right, bottom = max(0, x1), max(0, y1), min(width, x2), min(height, y2)
    if right <= left or bottom <= top:
        return BORDER
    part = image[top:bottom, left:right]
    if (left, top, right, bottom) != (x1, y1, x2, y2):
        whole = np.full((y2 - y1, x2 - x1, 3), BORDER, np.uint8)
        whole[top - y1 : bottom - y1, left - x1 : right - x1] = part
        part = whole
    return cv2.resize(part, (side, side), interpolation=cv2.INTER_LINEAR)


def _logit(probability: float) -> float:
    return log(probability / (1.0 - probability))


def _shift(boxes: Any, offsets: Any) -> Any:
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    return boxes + offsets * np.tile(sides, 2)


def _square(boxes: Any) -> Any:
    centre, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    half = sides.max(axis=1, keepdims=True, initial=0) / 2
    return np.hstack([centre - half, centre + half])


def _suppress(boxes: Any, scores: Any, overlap: float, *, of_smaller: bool = False) -> Any:
    """Greedy non-maximum suppression; indices of the kept, best first.

    The overlap is intersection over union, or over the smaller box.
    """
    order = np.argsort(-scores, kind="stable")
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    areas = sides[:, 0] * sides[:, 1]
    kept: list[int] = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        if not len(rest):
            break
        shared = np.minimum(boxes[rest, 2:], boxes[best, 2:]) - np.maximum(boxes[rest, :2], boxes[best, :2])
        shared = np.maximum(shared, 0).prod(axis=1)
        whole = np.minimum(areas[rest], areas[best]) if of_smaller else areas[rest] + areas[best] - shared
        order = rest[shared <= overlap * whole]
    return np.asarray(kept, np.intp)
