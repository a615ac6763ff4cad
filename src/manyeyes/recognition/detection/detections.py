"""The result of a detector, and the interface of a detector."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.results import Precision

MakePicture = Callable[[int, int], Bytes]
"""Makes a picture, uint8 (h, w, 3), from height and width; the same picture on every machine."""


@dataclass(frozen=True)
class Detections:
    """n faces: boxes (n, 4) as x1, y1, x2, y2 px; scores (n,) 0 to 1; landmarks (n, 5, 2) px; float32."""

    boxes_xyxy_px: Floats
    scores: Floats
    landmarks_px: Floats

    def __len__(self) -> int:
        return len(self.boxes_xyxy_px)

    def pick(self, places: Any) -> Detections:
        """The faces at some places, in their order, or those that a mask (n,) keeps."""
        return Detections(self.boxes_xyxy_px[places], self.scores[places], self.landmarks_px[places])

    def left_to_right(self) -> Detections:
        """The same faces, ordered by their left edges."""
        return self.pick(np.argsort(self.boxes_xyxy_px[:, 0], kind="stable"))


NOTHING = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))


class FaceDetector(Protocol):
    """CenterFace, YuNet or SCRFD."""

    def detect(self, image_hwc_u8: Bytes, *, original_px: int = 0) -> Detections:
        """Find the faces of a picture, uint8 (h, w, 3) BGR, from left to right.

        Args:
            original_px: the number of the picture's pixels before it was shrunk; 0: it was not shrunk.
        """
        ...

    def warm_up(self) -> None:
        """Run each network once."""
        ...

    def variants(self) -> Mapping[Precision, FaceDetector]:
        """This detector and its variants of other precisions; for the pack's self-test."""
        ...

    def raw_outputs(self, picture: MakePicture) -> dict[str, Floats]:
        """The networks' raw outputs for pictures that `picture` makes; for the pack's self-test."""
        ...
