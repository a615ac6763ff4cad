"""What detectors find, and what the recogniser asks of a detector and of an embedder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from manyeyes.recognition.align import ChipLayout
from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.results import Precision

MakePicture = Callable[[int, int], Bytes]
"""Height and width to the same uint8 (h, w, 3) picture on every machine."""


@dataclass(frozen=True)
class Detections:
    """n faces: boxes (n, 4) as x1, y1, x2, y2 px; scores (n,) 0 to 1; landmarks (n, 5, 2) px; float32."""

    boxes_xyxy_px: Floats
    scores: Floats
    landmarks_px: Floats

    def __len__(self) -> int:
        return len(self.boxes_xyxy_px)


NOTHING = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))


class FaceDetector(Protocol):
    """MTCNN, YuNet or SCRFD."""

    def detect(self, image_hwc_u8: Bytes) -> Detections:
        """Find the faces of a picture, uint8 (h, w, 3) BGR, from left to right."""
        ...

    def warm_up(self) -> None:
        """Run each network once."""
        ...

    def raw_outputs(self, picture: MakePicture) -> dict[str, Floats]:
        """The networks' own outputs for made pictures; for the pack's self-test."""
        ...


class FaceEmbedder(Protocol):
    """Chips in, embeddings out; `unit_length` says whether an average must be scaled to length 1 again.

    An embedding shorter than `usual_length` gets a name only if it is nearer by as much as it is shorter.
    """

    @property
    def layout(self) -> ChipLayout: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def precision(self) -> Precision: ...

    @property
    def unit_length(self) -> bool: ...

    @property
    def usual_length(self) -> float: ...

    def variants(self) -> Mapping[Precision, FaceEmbedder]:
        """This embedder and its twins of other precisions; for the pack's self-test."""
        ...

    def embed(self, chips_nhwc_u8: Bytes) -> Floats:
        """Embeddings float32 (n, d) of BGR chips, uint8 (n, side, side, 3)."""
        ...
