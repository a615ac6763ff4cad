"""Embedders of the ArcFace kind: 112×112 chips, embeddings of unit length.

Source: Deng, Guo, Xue, Zafeiriou, "ArcFace: Additive Angular Margin Loss for Deep Face Recognition" (2019);
Zhong et al., "SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition" (2021).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from manyeyes.errors import ModelRefused
from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.recognition.embedding.align import ChipLayout
from manyeyes.recognition.models.manifest_parts import EmbedderPart
from manyeyes.recognition.models.sessions import open_session
from manyeyes.recognition.models.tensors import describe, read_input
from manyeyes.results import Precision

ARCFACE_CHIP = ChipLayout(
    112,
    np.array(
        [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
    ),
)
"""Where ArcFace's published alignment puts the five landmarks."""
SFACE_THRESHOLD = 1.128
"""OpenCV's published threshold for SFace as a Euclidean distance; it equals a cosine of 0.363."""


class ArcFaceEmbedder:
    """One ONNX file, fed as the pack's manifest says.

    Raises:
        ModelRefused: the file's input or output is not what the manifest says.
    """

    layout: ChipLayout = ARCFACE_CHIP
    unit_length = True
    usual_length = 0.0

    def __init__(self, model: Path, part: EmbedderPart) -> None:
        self._part = part
        self.dimensions = part.dimensions
        self.precision: Precision = part.precision
        self._session = open_session(model)
        self._input = read_input(self._session)
        side = self.layout.side_px
        for seen in (self._input.height_px, self._input.width_px):
            if seen not in (None, side):
                raise ModelRefused(
                    f"the embedder takes chips of {self._input.width_px}×{self._input.height_px} px, "
                    f"{side}×{side} is supported; {describe(self._session)}"
                )
        fixed = self._input.batch
        if fixed not in (None, 1):
            raise ModelRefused(
                f"the embedder takes {fixed} chips at once and no other number; export it with batch 1 or open; "
                + describe(self._session)
            )
        self._batch = 1 if fixed == 1 else part.batch

    def variants(self) -> dict[Precision, ArcFaceEmbedder]:
        """This embedder alone: an operator's file has no variant of another precision."""
        return {self.precision: self}

    def embed(self, chips_nhwc_u8: Bytes) -> Floats:
        """Turn aligned face chips into embeddings.

        Args:
            chips_nhwc_u8: BGR chips, uint8, (n, 112, 112, 3), as `align.cut_chips` cuts them.

        Returns:
            float32, (n, dimensions), each of length 1: Euclidean distances lie between 0 (same) and 2, and
            distance² = 2 - 2 · cosine.

        Raises:
            ValueError: another shape or type; nothing was run.
            ModelRefused: the model gives another number of dimensions, or numbers that are not finite.
        """
        side = self.layout.side_px
        if chips_nhwc_u8.dtype != np.uint8 or chips_nhwc_u8.shape[1:] != (side, side, 3):
            raise ValueError(
                f"chips are {chips_nhwc_u8.dtype} {chips_nhwc_u8.shape}, expected uint8 (n, {side}, {side}, 3)"
            )
        found = np.empty((len(chips_nhwc_u8), self.dimensions), np.float32)
        for start in range(0, len(chips_nhwc_u8), self._batch):
            batch = chips_nhwc_u8[start : start + self._batch]
            found[start : start + self._batch] = to_unit_length(self._run(batch))
        return found

    def _run(self, chips_nhwc_u8: Bytes) -> Floats:
        part = self._part
        tensor = self._input.tensor(chips_nhwc_u8, part.mean, part.std, part.channels)
        output: Any = self._session.run(None, {self._input.name: tensor})[0]
        values = np.asarray(output, np.float32).reshape(len(chips_nhwc_u8), -1)
        if values.shape[1] != self.dimensions or not np.isfinite(values).all():
            finite = "finite" if np.isfinite(values).all() else "not finite"
            raise ModelRefused(
                f"the embedder gave {values.shape[1]} {finite} numbers a chip, {self.dimensions} finite ones "
                "are expected; build the pack again from a whole file"
            )
        return values


def to_unit_length(embeddings: Floats) -> Floats:
    """Each row (n, d) scaled to length 1; a row of zeros stays as it is."""
    lengths = np.linalg.norm(embeddings.astype(np.float64), axis=1, keepdims=True)
    scaled: Floats = (embeddings / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled
