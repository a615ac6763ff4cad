"""Detectors of one network: a canvas in; boxes, scores and landmarks out, in one run."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from manyeyes.errors import ModelRefused
from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.recognition.detection.detections import NOTHING, Detections, MakePicture
from manyeyes.recognition.detection.in_pieces import find_in_pieces
from manyeyes.recognition.detection.look_again import look
from manyeyes.recognition.models.manifest_parts import DetectorPart
from manyeyes.recognition.models.sessions import open_session, quiet
from manyeyes.recognition.models.tensors import PictureInput, describe, read_input
from manyeyes.results import Precision

MULTIPLE_PX = 32
BORDER = 127
PROBE_HW_PX = (64, 96)
MOST_CANDIDATES = 2000
LARGEST_SIZE_PX = 4096


@dataclass(frozen=True)
class Candidates:
    """A network's candidates on one canvas, with overlaps: boxes (n, 4), scores (n,), landmarks (n, 5, 2)."""

    boxes_xyxy_px: Any
    scores: Any
    landmarks_px: Any


class Decoder(Protocol):
    """Decodes a network's outputs; returns only candidates with a score of at least `least_score`."""

    def __call__(
        self, outputs: list[Any], height_px: int, width_px: int, least_score: float
    ) -> Candidates: ...


@dataclass(frozen=True)
class Probe:
    """An opened model and its outputs for a black canvas; `told` describes its inputs and outputs."""

    session: Any
    input: PictureInput
    fixed_hw_px: tuple[int, int] | None
    outputs: list[Any]
    height_px: int
    width_px: int
    told: str


def probe(model: Path, hw_px: tuple[int, int] = PROBE_HW_PX) -> Probe:
    """Open a model and run it once on a black picture, of `hw_px` (height, width) if the file fixes no size.

    Raises:
        ModelRefused: the model takes no pictures, or does not run on one.
    """
    session = open_session(model)
    given = read_input(session)
    told = describe(session)
    fixed = _fixed_size(given, told)
    height, width = fixed or hw_px
    black = np.zeros((1, height, width, 3), np.uint8)
    try:
        tensor = given.tensor(black, (0.0,) * 3, (1.0,) * 3, "bgr")
        outputs = list(session.run(None, {given.name: tensor}, quiet()))
    except Exception as error:  # ONNX Runtime raises classes of its own that share only Exception
        raise ModelRefused(
            f"the model does not run on {width}×{height} px: {str(error)[:300]}; {told}"
        ) from error
    return Probe(session, given, fixed, outputs, height, width, told)


class OneStageDetector:
    """A network and its decoder, fed as the pack's manifest says."""

    def __init__(self, probed: Probe, part: DetectorPart, decoder: Decoder) -> None:
        self._part = part
        self._session, self._input, self._fixed = probed.session, probed.input, probed.fixed_hw_px
        self._decode = decoder

    def detect(self, image_hwc_u8: Bytes, *, original_px: int = 0) -> Detections:
        """Find the faces of a picture, uint8 (h, w, 3) BGR, from left to right; of any `original_px`.

        A long picture is searched in pieces, as `in_pieces` describes. If nothing is found, the whole picture is
        searched again, as `look_again` describes.
        """
        found = find_in_pieces(self._find, image_hwc_u8)
        if not len(found):
            found = look(self._find, image_hwc_u8)
        return found.left_to_right()

    def warm_up(self) -> None:
        """Run the network once on grey; a file of one size is run at that size."""
        height, width = self._fixed or (self._part.size_px[1], self._part.size_px[0])
        self._run(np.full((_padded(height), _padded(width), 3), BORDER, np.uint8))

    def variants(self) -> dict[Precision, OneStageDetector]:
        """This detector alone: an operator's file has no variant of another precision."""
        return {"fp32": self}

    def raw_outputs(self, picture: MakePicture) -> dict[str, Floats]:
        """The network's raw outputs for one picture that `picture` makes; for the pack's self-test."""
        height, width = self._fixed or PROBE_HW_PX
        outputs = self._run(picture(height, width))
        return {f"detector_{place}": values.astype(np.float32) for place, values in enumerate(outputs)}

    def _run(self, canvas_hwc_u8: Bytes) -> list[Any]:
        part = self._part
        tensor = self._input.tensor(canvas_hwc_u8[None], part.mean, part.std, part.channels)
        return list(self._session.run(None, {self._input.name: tensor}))

    def _find(self, image: Bytes) -> Detections:
        canvas, scale_xy = fit(image, self._part.size_px, self._fixed)
        seen = self._decode(self._run(canvas), canvas.shape[0], canvas.shape[1], self._part.score)
        found = choose(seen, self._part)
        scale: Any = np.array(scale_xy, np.float32)
        return Detections(found.boxes_xyxy_px / np.tile(scale, 2), found.scores, found.landmarks_px / scale)


def fit(
    image_hwc_u8: Bytes, size_wh_px: tuple[int, int], fixed_hw_px: tuple[int, int] | None
) -> tuple[Bytes, tuple[float, float]]:
    """Place the picture at the top left of a black canvas; returns the canvas and the scale (x, y).

    The picture is shrunk to fit, never enlarged. The canvas has the size that the file fixes, or else sides
    rounded up to a multiple of 32 px.
    """
    height, width = image_hwc_u8.shape[:2]
    room_h, room_w = fixed_hw_px or (size_wh_px[1], size_wh_px[0])
    scale = min(1.0, room_h / height, room_w / width)
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image_hwc_u8 = cv2.resize(image_hwc_u8, size, interpolation=cv2.INTER_AREA)
    new_h, new_w = image_hwc_u8.shape[:2]
    canvas_h, canvas_w = fixed_hw_px or (_padded(new_h), _padded(new_w))
    canvas = np.zeros((canvas_h, canvas_w, 3), np.uint8)
    canvas[:new_h, :new_w] = image_hwc_u8
    return canvas, (new_w / width, new_h / height)


def choose(seen: Candidates, part: DetectorPart) -> Detections:
    """The faces among the candidates: with enough score and size and finite numbers, one box per face."""
    sides = seen.boxes_xyxy_px[:, 2:] - seen.boxes_xyxy_px[:, :2]
    good = (seen.scores >= part.score) & (sides.min(axis=1, initial=np.inf) >= part.min_face_px)
    good &= np.isfinite(seen.boxes_xyxy_px).all(axis=1) & np.isfinite(seen.landmarks_px).all(axis=(1, 2))
    places = np.flatnonzero(good)
    places = places[np.argsort(-seen.scores[places], kind="stable")][:MOST_CANDIDATES]
    if not len(places):
        return NOTHING
    boxes, scores = seen.boxes_xyxy_px[places], seen.scores[places]
    corners_and_sides = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]).astype(np.float64)
    best = cv2.dnn.NMSBoxes(corners_and_sides.tolist(), scores.astype(float).tolist(), 0.0, part.overlap)
    kept = np.asarray(best, np.intp).reshape(-1)
    chosen = (boxes[kept], np.minimum(scores[kept], 1.0), seen.landmarks_px[places][kept])
    return Detections(*(values.astype(np.float32) for values in chosen))


def heads(outputs: list[Any], height_px: int, width_px: int) -> dict[int, dict[int, list[tuple[int, int]]]]:
    """Group outputs by stride (8, 16, 32) and width, each as (index, anchors per cell).

    An output is (n, width) or (1, n, width) with n = anchors · cells of the stride. Empty if one fits no
    stride.
    """
    found: dict[int, dict[int, list[tuple[int, int]]]] = {}
    for place, values in enumerate(outputs):
        shape = values.shape[1:] if values.ndim == 3 and values.shape[0] == 1 else values.shape
        if len(shape) != 2:
            return {}
        for stride in (8, 16, 32):
            cells = (height_px // stride) * (width_px // stride)
            if shape[0] in (cells, 2 * cells):
                found.setdefault(stride, {}).setdefault(shape[1], []).append((place, shape[0] // cells))
                break
        else:
            return {}
    return dict(sorted(found.items()))


def cell_corners(places: Any, width_px: int, stride: int, anchors: int = 1) -> Any:
    """Top left corners (n, 2), in px, of the cells of n rows in a stride's output.

    The output has the cells row by row, and each cell as often as it has anchors.
    """
    rows, columns = np.divmod(places // anchors, width_px // stride)
    return np.stack([columns, rows], axis=1) * float(stride)


def _padded(side_px: int) -> int:
    return ceil(side_px / MULTIPLE_PX) * MULTIPLE_PX


def _fixed_size(given: PictureInput, told: str) -> tuple[int, int] | None:
    if given.height_px is None or given.width_px is None:
        return None
    if given.height_px % MULTIPLE_PX or given.width_px % MULTIPLE_PX:
        raise ModelRefused(
            f"the detector takes {given.width_px}×{given.height_px} px, detectors of multiples of {MULTIPLE_PX} are supported; {told}"
        )
    if max(given.height_px, given.width_px) > LARGEST_SIZE_PX:
        raise ModelRefused(
            f"the detector takes {given.width_px}×{given.height_px} px, the limit is {LARGEST_SIZE_PX} a side; {told}"
        )
    return given.height_px, given.width_px
