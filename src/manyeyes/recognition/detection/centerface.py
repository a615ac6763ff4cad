"""CenterFace: finds faces with five landmarks in one pass, also very small ones.

A picture is searched at one size or several, as `closer_look` decides.
Source: Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point" (2019).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.recognition.detection import closer_look
from manyeyes.recognition.detection.boxes import suppress, suppress_within
from manyeyes.recognition.detection.detections import NOTHING, Detections, MakePicture
from manyeyes.recognition.detection.in_pieces import find_in_pieces
from manyeyes.recognition.detection.look_again import lie_by, look
from manyeyes.recognition.models.sessions import open_session
from manyeyes.results import Precision

FILES: dict[Precision, str] = {"fp32": "centerface.onnx", "int8": "centerface-int8.onnx"}
STRIDE_PX = 4
MULTIPLE_PX = 32
OVERLAP = 0.3
"""Of two boxes with more intersection over union, the worse one is left out."""
WITHIN = 0.5
"""The same between copies of different size, by the part of the smaller box."""
TURNED_SCORE = 0.6
"""Lowest score in a picture that was turned because it showed no face."""
_LARGEST_EXPONENT = 8.0
_BORDER = 127


class CenterFace:
    """The default pack's detector, as `packs.centerface_onnx` builds it, as one of the pack's `FILES`."""

    def __init__(self, folder: Path, precision: Precision = "fp32") -> None:
        self._folder = folder
        self._precision: Precision = precision
        self._session = open_session(folder / FILES[precision], keep_buffers=True)

    @staticmethod
    def offered(folder: Path) -> frozenset[Precision]:
        """The precisions that the pack in a folder has a file for."""
        return frozenset(precision for precision, name in FILES.items() if (folder / name).is_file())

    def detect(self, image_hwc_u8: Bytes, *, original_px: int = 0) -> Detections:
        """Find the faces of a picture, uint8 (h, w, 3) BGR, from left to right.

        A long picture is searched in pieces, as `in_pieces` describes. If nothing is found, or the faces lie, the whole
        picture is searched again, as `look_again` describes.
        """

        def find(image: Bytes) -> Detections:
            return self._find(image, original_px)

        found = find_in_pieces(find, image_hwc_u8)
        if not len(found) or lie_by(found) is not None:
            found = look(find, image_hwc_u8, turned_score=TURNED_SCORE)
        return found.left_to_right()

    def warm_up(self) -> None:
        """Run the network once on the largest canvas, so that its buffers exist before the first picture."""
        side = closer_look.TILE_PX
        self._maps(np.full((side, side, 3), _BORDER, np.uint8))

    def variants(self) -> dict[Precision, CenterFace]:
        """This detector and its variants of other precisions; for the pack's self-test."""
        twins = self.offered(self._folder) - {self._precision}
        return {self._precision: self} | {other: CenterFace(self._folder, other) for other in twins}

    def raw_outputs(self, picture: MakePicture) -> dict[str, Floats]:
        """The network's raw output for one picture that `picture` makes; for the pack's self-test."""
        return {"detector": self._maps(picture(64, 96))}

    def _maps(self, canvas_hwc_u8: Bytes) -> Floats:
        maps: Floats = self._session.run(None, {"picture": canvas_hwc_u8[None]})[0]
        return maps

    def search_once(self, image_hwc_u8: Bytes, long_side_px: int) -> Detections:
        """What one run on a copy with this longer side shows, down to the score of a hint."""
        copy, ratio = _shrunk(image_hwc_u8, long_side_px)
        return _scaled(self._search(copy), ratio)

    def _find(self, image: Bytes, original_px: int) -> Detections:
        """The faces of a picture, searched at one size or several."""
        height, width = image.shape[:2]
        sides = closer_look.long_sides_px(max(height, width), max(original_px, height * width))
        copy, ratio = _shrunk(image, sides[0])
        seen = _scaled(self._search(copy), ratio)
        found = seen.pick(seen.scores >= closer_look.SCORE)
        for side in sides[1:]:
            middles = closer_look.hints(seen.boxes_xyxy_px / np.tile(ratio, 2), seen.scores) * ratio
            if not len(middles):
                break
            kept = closer_look.longer(found.boxes_xyxy_px / np.tile(ratio, 2)) >= closer_look.KEPT_PX
            copy, ratio = _shrunk(image, side)
            seen = _scaled(self._search_tiles(copy, middles / ratio), ratio)
            found = _merged(found, kept, seen.pick(seen.scores >= closer_look.SCORE))
        return found

    def _search_tiles(self, copy: Bytes, middles_xy_px: Any) -> Detections:
        """As `_search`, in tiles of a copy; the middles are those of small faces on a smaller copy."""
        height, width = copy.shape[:2]
        found = [NOTHING]
        for part in closer_look.tiles(width, height, middles_xy_px):
            left, top, right, bottom = part
            seen = _moved(self._search(copy[top:bottom, left:right]), left, top)
            boxes = seen.boxes_xyxy_px
            found.append(seen.pick(closer_look.owned(part, width, height, (boxes[:, :2] + boxes[:, 2:]) / 2)))
        return _joined(found)

    def _search(self, image: Bytes) -> Detections:
        """What one pass sees in a picture, down to the score of a hint; in px of this picture."""
        height, width = image.shape[:2]
        canvas = np.zeros((_padded(height), _padded(width), 3), np.uint8)
        canvas[:height, :width] = image
        return decode(self._maps(canvas), closer_look.HINT)


def decode(maps: Floats, least_score: float) -> Detections:
    """Faces from the network's maps (1, 15, h, w), each once, best first."""
    rows, columns = np.nonzero(maps[0, 0] > np.log(least_score / (1.0 - least_score)))
    face = maps[0][:, rows, columns].astype(np.float64)
    sides = np.exp(np.minimum(face[1:3], _LARGEST_EXPONENT))[::-1].T * STRIDE_PX
    corners = (np.stack([columns + face[4], rows + face[3]], axis=1) + 0.5) * STRIDE_PX - sides / 2
    landmarks = face[5:].T.reshape(-1, 5, 2)[:, :, ::-1] * sides[:, None] + corners[:, None]
    boxes, scores = np.hstack([corners, corners + sides]), 1.0 / (1.0 + np.exp(-face[0]))
    kept = suppress(boxes, scores, OVERLAP)
    return Detections(*(part[kept].astype(np.float32) for part in (boxes, scores, landmarks)))


def _merged(coarse: Detections, kept: Any, closer: Detections) -> Detections:
    """Each face once: `kept` ones of the coarse search, then those of the closer one, then the other coarse ones."""
    both = _joined([coarse, closer])
    order = np.concatenate([np.where(kept, 2.0, 0.0), np.ones(len(closer))])
    return both.pick(suppress_within(both.boxes_xyxy_px, both.scores + order, WITHIN))


def _joined(parts: list[Detections]) -> Detections:
    boxes, scores, landmarks = (
        np.concatenate(values)
        for values in zip(*((p.boxes_xyxy_px, p.scores, p.landmarks_px) for p in parts), strict=True)
    )
    return Detections(boxes, scores, landmarks)


def _moved(found: Detections, right_px: int, down_px: int) -> Detections:
    corner: Any = np.array([right_px, down_px], np.float32)
    return Detections(found.boxes_xyxy_px + np.tile(corner, 2), found.scores, found.landmarks_px + corner)


def _scaled(found: Detections, ratio_xy: Any) -> Detections:
    return Detections(found.boxes_xyxy_px * np.tile(ratio_xy, 2), found.scores, found.landmarks_px * ratio_xy)


def _shrunk(image: Bytes, long_side_px: int) -> tuple[Bytes, Any]:
    """A copy with this longer side, and the picture's px per px of the copy, float32 (2,)."""
    height, width = image.shape[:2]
    scale = long_side_px / max(height, width)
    if scale >= 1.0:
        return image, np.ones(2, np.float32)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    while image.shape[0] >= 2 * size[1] and image.shape[1] >= 2 * size[0]:
        # OpenCV halves many times faster than it shrinks by other factors
        half = image.shape[1] // 2, image.shape[0] // 2
        image = cv2.resize(image[: 2 * half[1], : 2 * half[0]], half, interpolation=cv2.INTER_AREA)
    copy: Bytes = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    return copy, np.array([width / size[0], height / size[1]], np.float32)


def _padded(side_px: int) -> int:
    return -(-side_px // MULTIPLE_PX) * MULTIPLE_PX
