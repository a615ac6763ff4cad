"""SCRFD with landmarks: scores, box distances and landmarks at strides 8, 16, 32.

Source: Guo, Deng, Lattas, Zafeiriou, "Sample and Computation Redistribution for Efficient Face Detection"
(2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from manyeyes.errors import ModelRefused
from manyeyes.recognition.detection.one_stage import Candidates, OneStageDetector, cell_corners, heads, probe
from manyeyes.recognition.models.manifest_parts import DetectorPart

STRIDES = (8, 16, 32)
DEFAULTS: dict[str, Any] = {
    "score": 0.5,
    "overlap": 0.4,
    "mean": (127.5, 127.5, 127.5),
    "std": (128.0, 128.0, 128.0),
    "channels": "rgb",
}


@dataclass(frozen=True)
class ScrfdDecoder:
    """`places`: for each stride, the indices of scores, boxes and landmarks, and the anchors per cell."""

    places: dict[int, tuple[int, int, int, int]]

    def __call__(self, outputs: list[Any], height_px: int, width_px: int, least_score: float) -> Candidates:
        """Boxes are distances, in strides, from anchor to sides; landmarks are offsets from the anchor."""
        boxes, scores, points = [], [], []
        for stride, (score, box, landmarks, anchors) in self.places.items():
            values = outputs[score].reshape(-1)
            places = np.flatnonzero(values >= least_score)
            anchor = cell_corners(places, width_px, stride, anchors)
            reach = outputs[box].reshape(-1, 4)[places] * stride
            boxes.append(np.hstack([anchor - reach[:, :2], anchor + reach[:, 2:]]))
            scores.append(values[places])
            points.append(anchor[:, None] + outputs[landmarks].reshape(-1, 5, 2)[places] * stride)
        return Candidates(np.concatenate(boxes), np.concatenate(scores), np.concatenate(points))


def read_heads(outputs: list[Any], height_px: int, width_px: int) -> ScrfdDecoder | None:
    """The decoder for these outputs of a probe, by their shapes; None if they are not SCRFD's.

    Raises:
        ModelRefused: the model is an SCRFD without landmarks.
    """
    found = heads(outputs, height_px, width_px)
    if tuple(found) != STRIDES:
        return None
    places = {}
    for stride, widths in found.items():
        counts = {width: len(seen) for width, seen in widths.items()}
        if counts == {1: 1, 4: 1}:
            raise ModelRefused(
                "this SCRFD has 6 outputs, scores and boxes: it finds no landmarks, and without them a face "
                "cannot be aligned; take the file with 9 outputs (its name often ends in 'kps')"
            )
        if counts != {1: 1, 4: 1, 10: 1}:
            return None
        (score, anchors), (box, same), (landmarks, too) = (widths[width][0] for width in (1, 4, 10))
        if not anchors == same == too:
            return None
        places[stride] = (score, box, landmarks, anchors)
    return ScrfdDecoder(places)


def open_scrfd(model: Path, part: DetectorPart) -> OneStageDetector:
    """Open an SCRFD's file.

    Raises:
        ModelRefused: the outputs are not SCRFD's, or lack landmarks.
    """
    probed = probe(model)
    decoder = read_heads(probed.outputs, probed.height_px, probed.width_px)
    if decoder is None:
        raise ModelRefused(
            "this is no SCRFD: 9 outputs (scores, boxes, landmarks at strides 8, 16 and 32) are expected; "
            + probed.told
        )
    return OneStageDetector(probed, part, decoder)
