"""MTCNN: finds faces with five landmarks by three networks, each more exact than the one before.

Source: Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded CNNs" (2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import numpy as np

from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.recognition.detection import pyramid
from manyeyes.recognition.detection.boxes import shift, square, suppress, suppress_within
from manyeyes.recognition.detection.detections import NOTHING, Detections, MakePicture
from manyeyes.recognition.detection.in_pieces import find_in_pieces
from manyeyes.recognition.detection.look_again import look, look_around
from manyeyes.recognition.detection.pyramid import BORDER, Level
from manyeyes.recognition.models.sessions import open_session

CELL_PX, STRIDE_PX = 12, 2


@dataclass(frozen=True)
class Settings:
    """These values lose no face that dlib's detector finds; smaller faces and lower thresholds cost time."""

    min_face_px: float = 40.0
    longest_side_px: int = 1280
    pyramid_factor: float = 0.709
    thresholds: tuple[float, float, float] = (0.75, 0.7, 0.9)
    overlaps: tuple[float, float] = (0.4, 0.6)
    """A proposal that overlaps a better one by more is left out: within a level, and between levels."""
    batch: int = 64


class Detector:
    """The three networks of a pack's folder: `pnet.onnx`, `rnet.onnx`, `onet.onnx`."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._pnet, self._rnet, self._onet = (
            open_session(folder / f"{n}net.onnx", keep_buffers=True) for n in "pro"
        )

    def detect(self, image_hwc_u8: Bytes) -> Detections:
        """Find the faces of a picture, uint8 (h, w, 3) BGR, from left to right.

        A long picture is searched in pieces, as `in_pieces` describes. If nothing is found, the whole picture is
        searched again, as `look_again` describes.
        """
        found = find_in_pieces(self._find_halved, image_hwc_u8)
        if len(found):
            found = look_around(self._find, image_hwc_u8, found)
        else:
            image, times = _halved(image_hwc_u8, self.settings.longest_side_px)
            found = _enlarged(look_around(self._find, image, look(self._find, image)), times)
        return found.left_to_right()

    def warm_up(self) -> None:
        """Run each network once at the usual sizes, so that its buffers exist before the first picture."""
        side = self.settings.longest_side_px
        self.detect(np.full((side * 3 // 4, side, 3), BORDER, np.uint8))
        self._run(self._rnet, ["logit"], np.full((self.settings.batch, 24, 24, 3), BORDER, np.uint8))
        self._run(self._onet, ["logit"], np.full((8, 48, 48, 3), BORDER, np.uint8))

    def raw_outputs(self, picture: MakePicture) -> dict[str, Floats]:
        """Each network's raw outputs for one picture that `picture` makes; for the pack's self-test."""
        p_logit, p_offsets = self._run(self._pnet, ["logit", "offsets"], picture(64, 96)[None])
        r_logit, r_offsets = self._run(self._rnet, ["logit", "offsets"], picture(24, 24)[None])
        o_logit, o_landmarks = self._run(self._onet, ["logit", "landmarks"], picture(48, 48)[None])
        found = {"pnet_logit": p_logit, "pnet_offsets": p_offsets, "rnet_logit": r_logit}
        return found | {"rnet_offsets": r_offsets, "onet_logit": o_logit, "onet_landmarks": o_landmarks}

    def _find_halved(self, image: Bytes) -> Detections:
        half, times = _halved(image, self.settings.longest_side_px)
        return _enlarged(self._find(half), times)

    def _find(self, image: Bytes) -> Detections:
        """The faces of a picture; it is searched as if its longer side were at most `longest_side_px`."""
        wanted = self.settings
        scale = min(1.0, wanted.longest_side_px / max(image.shape[:2]))
        levels = pyramid.build(
            image,
            first_scale=CELL_PX / wanted.min_face_px * scale,
            factor=wanted.pyramid_factor,
            smallest_px=CELL_PX,
        )
        proposals = [self._propose(level) for level in levels if level.searched]
        if not proposals:
            return NOTHING
        boxes, scores = (np.concatenate(part) for part in zip(*proposals, strict=True))
        boxes = square(boxes[suppress(boxes, scores, wanted.overlaps[1])])
        refined = self._refine(levels, boxes)
        return self._output(levels, refined)

    def _propose(self, level: Level) -> tuple[Any, Any]:
        logit, offsets = self._run(self._pnet, ["logit", "offsets"], level.image[None])
        rows, columns = np.nonzero(logit[0, 0] > _logit(self.settings.thresholds[0]))
        scores = logit[0, 0, rows, columns]
        corner = np.stack([columns, rows], axis=1) * float(STRIDE_PX)
        boxes = np.hstack([corner, corner + CELL_PX]) + offsets[0, :, rows, columns] * CELL_PX
        kept = suppress(boxes, scores, self.settings.overlaps[0])
        return boxes[kept] / np.tile(level.scale_xy, 2), scores[kept]

    def _refine(self, levels: list[Level], boxes: Any) -> Any:
        logit, offsets = self._batches(self._rnet, ["logit", "offsets"], levels, boxes, 24)
        keep = logit[:, 0] > _logit(self.settings.thresholds[1])
        boxes, scores = shift(boxes, offsets)[keep], logit[keep, 0]
        return square(boxes[suppress(boxes, scores, 0.5)])

    def _output(self, levels: list[Level], boxes: Any) -> Detections:
        names = ["logit", "offsets", "landmarks"]
        logit, offsets, landmarks = self._batches(self._onet, names, levels, boxes, 48)
        sides = boxes[:, 2:] - boxes[:, :2] + 1
        points = landmarks.reshape(-1, 2, 5).transpose(0, 2, 1) * sides[:, None] + boxes[:, None, :2] - 1
        keep = logit[:, 0] > _logit(self.settings.thresholds[2])
        boxes, scores, points = shift(boxes, offsets)[keep], logit[keep, 0], points[keep]
        kept = suppress_within(boxes, scores, 0.7)
        probability = 1.0 / (1.0 + np.exp(-scores[kept]))
        return Detections(*(part.astype(np.float32) for part in (boxes[kept], probability, points[kept])))

    def _batches(
        self, session: Any, names: list[str], levels: list[Level], boxes: Any, side: int
    ) -> list[Any]:
        sizes = {"logit": 1, "offsets": 4, "landmarks": 10}
        parts: list[list[Any]] = [[np.zeros((0, sizes[name]), np.float32)] for name in names]
        for start in range(0, len(boxes), self.settings.batch):
            crops = pyramid.crops(levels, boxes[start : start + self.settings.batch], side)
            for part, output in zip(parts, self._run(session, names, crops), strict=True):
                part.append(output)
        return [np.concatenate(part) for part in parts]

    @staticmethod
    def _run(session: Any, names: list[str], pictures: Any) -> Any:
        return session.run(names, {"pictures": pictures})


def _halved(image: Bytes, longest_px: int) -> tuple[Bytes, int]:
    """The picture, halved while its longer side stays at least `longest_px`, and the factor of shrinking."""
    times = 1
    while max(image.shape[:2]) >= 2 * longest_px and min(image.shape[:2]) >= 2:
        image, times = pyramid.halve(image), times * 2
    return image, times


def _enlarged(found: Detections, times: int) -> Detections:
    return Detections(found.boxes_xyxy_px * times, found.scores, found.landmarks_px * times)


def _logit(probability: float) -> float:
    return log(probability / (1.0 - probability))
