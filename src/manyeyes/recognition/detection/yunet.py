"""YuNet, OpenCV's face detector, run on ONNX Runtime.

manyeyes does not use `cv2.FaceDetectorYN`. So a pack has one runtime, one thread setting and one memory
limit, a picture of another size does not set up the network again, and the self-test sees the network's
outputs. The tests compare both on the same file.

Source: Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector" (2023).
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
DEFAULTS = {"score": 0.9, "overlap": 0.3}
"""The defaults of OpenCV's own detector."""
PRIOR_SIDES_PX = {8: (10, 16, 24), 16: (32, 48), 32: (64, 96), 64: (128, 192, 256)}
PRIOR_VARIANCE = (0.1, 0.2)
"""The first is for positions and the log of the width, the second for the log of the height, as in OpenCV."""
_LARGEST_EXPONENT = 10.0


@dataclass(frozen=True)
class YuNetDecoder:
    """The file of 2023: `cls`, `obj`, `bbox` and `kps` at strides 8, 16, 32.

    `places`: for each stride the indices of its outputs (two of width 1, then boxes, then landmarks).
    """

    places: dict[int, tuple[int, int, int, int]]

    def __call__(self, outputs: list[Any], height_px: int, width_px: int, least_score: float) -> Candidates:
        """Boxes have their centre and sides in cells; the score is the geometric mean of `cls` and `obj`."""
        boxes, scores, points = [], [], []
        for stride, (first, second, box, landmarks) in self.places.items():
            both = [np.clip(outputs[place].reshape(-1), 0.0, 1.0) for place in (first, second)]
            score = np.sqrt(both[0] * both[1])
            places = np.flatnonzero(score >= least_score)
            corner = cell_corners(places, width_px, stride)
            offsets = outputs[box].reshape(-1, 4)[places]
            centre = corner + offsets[:, :2] * stride
            half = np.exp(np.minimum(offsets[:, 2:], _LARGEST_EXPONENT)) * stride / 2
            boxes.append(np.hstack([centre - half, centre + half]))
            scores.append(score[places])
            points.append(corner[:, None] + outputs[landmarks].reshape(-1, 5, 2)[places] * stride)
        return Candidates(np.concatenate(boxes), np.concatenate(scores), np.concatenate(points))


@dataclass(frozen=True)
class PriorDecoder:
    """The file of 2022: `loc` (n, 14), `conf` (n, 2), `iou` (n, 1) over prior boxes of four strides."""

    loc: int
    conf: int
    iou: int

    def __call__(self, outputs: list[Any], height_px: int, width_px: int, least_score: float) -> Candidates:
        """Boxes are offsets from prior boxes; the score is the geometric mean of class and overlap."""
        face = np.clip(outputs[self.conf].reshape(-1, 2)[:, 1], 0.0, 1.0)
        overlap = np.clip(outputs[self.iou].reshape(-1), 0.0, 1.0)
        score = np.sqrt(face * overlap)
        places = np.flatnonzero(score >= least_score)
        prior, loc = priors(height_px, width_px)[places], outputs[self.loc].reshape(-1, 14)[places]
        centre, side = prior[:, :2], prior[:, 2:]
        middle = centre + loc[:, :2] * PRIOR_VARIANCE[0] * side
        half = side * np.exp(np.minimum(loc[:, 2:4] * PRIOR_VARIANCE, _LARGEST_EXPONENT)) / 2
        points = centre[:, None] + loc[:, 4:].reshape(-1, 5, 2) * PRIOR_VARIANCE[0] * side[:, None]
        return Candidates(np.hstack([middle - half, middle + half]), score[places], points)


def priors(height_px: int, width_px: int) -> Any:
    """Prior boxes (n, 4) as centre x, y, width, height in px, in the order of the network's outputs."""
    found = []
    for stride, sides in PRIOR_SIDES_PX.items():
        rows, columns = (_halved(length, stride) for length in (height_px, width_px))
        places = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
        centres = np.repeat((places + 0.5) * stride, len(sides), axis=0)
        lengths = np.tile(np.asarray(sides, float), len(places))
        found.append(np.hstack([centres, lengths[:, None], lengths[:, None]]))
    return np.concatenate(found)


def _halved(length_px: int, stride: int) -> int:
    cells = (length_px + 1) // 2 // 2
    while stride > 4:
        cells, stride = cells // 2, stride // 2
    return cells


def read_heads(outputs: list[Any], height_px: int, width_px: int) -> YuNetDecoder | PriorDecoder | None:
    """The decoder for these outputs of a probe, by their shapes; None if they are not YuNet's."""
    found = heads(outputs, height_px, width_px)
    if tuple(found) == STRIDES and len(outputs) == 12:
        places = {}
        for stride, widths in found.items():
            if {width: len(seen) for width, seen in widths.items()} != {1: 2, 4: 1, 10: 1}:
                return None
            in_order = [*widths[1], *widths[4], *widths[10]]
            if any(anchors != 1 for _, anchors in in_order):
                return None
            first, second, box, landmarks = (place for place, _ in in_order)
            places[stride] = (first, second, box, landmarks)
        return YuNetDecoder(places)
    wanted = len(priors(height_px, width_px))
    by_width = {
        values.shape[-1]: place
        for place, values in enumerate(outputs)
        if values.size == wanted * values.shape[-1]
    }
    if len(outputs) == 3 and set(by_width) == {14, 2, 1}:
        return PriorDecoder(by_width[14], by_width[2], by_width[1])
    return None


def open_yunet(model: Path, part: DetectorPart) -> OneStageDetector:
    """Open a YuNet's file; it takes raw BGR pixels, unless the part says otherwise.

    Raises:
        ModelRefused: the outputs are not YuNet's.
    """
    probed = probe(model)
    decoder = read_heads(probed.outputs, probed.height_px, probed.width_px)
    if decoder is None:
        raise ModelRefused(
            "this is not a YuNet: 12 outputs (two scores, box and landmarks at strides 8, 16 and 32) or "
            f"loc, conf and iou are expected; {probed.told}"
        )
    return OneStageDetector(probed, part, decoder)
