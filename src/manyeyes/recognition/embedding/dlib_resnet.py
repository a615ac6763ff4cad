"""dlib's face recognition ResNet: aligned chips to embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.recognition.embedding.align import DLIB_CHIP, ChipLayout
from manyeyes.recognition.models.sessions import open_session
from manyeyes.results import Precision

MAX_BATCH = 8
"""Larger batches are no faster on one thread and only take memory."""
FILES: dict[Precision, str] = {"fp32": "embed.onnx", "int8": "embed-int8.onnx"}


class Embedder:
    """dlib's face recognition ResNet, as one of the pack's `FILES`."""

    layout: ChipLayout = DLIB_CHIP
    dimensions = 128
    unit_length = False
    usual_length = 1.34
    """Shorter embeddings are nearer to everybody: those of 630 changed photographs are 1.28 to 1.62 long,
    those of 101 drawn faces 1.22 to 1.38."""

    def __init__(self, folder: Path, precision: Precision = "fp32") -> None:
        self.folder = folder
        self.precision: Precision = precision
        self._session = open_session(folder / FILES[precision])

    @staticmethod
    def offered(folder: Path) -> frozenset[Precision]:
        """The precisions that the pack in a folder has a file for."""
        return frozenset(precision for precision, name in FILES.items() if (folder / name).is_file())

    def variants(self) -> dict[Precision, Embedder]:
        """This embedder and its variants of other precisions; for the pack's self-test."""
        twins = self.offered(self.folder) - {self.precision}
        return {self.precision: self} | {other: Embedder(self.folder, other) for other in twins}

    def embed(self, chips_nhwc_u8: Bytes) -> Floats:
        """Turn aligned face chips into embeddings.

        Args:
            chips_nhwc_u8: BGR chips, uint8, (n, 150, 150, 3), as `align.cut_chips` cuts them.

        Returns:
            float32, (n, 128); not unit length: compare by Euclidean distance.

        Raises:
            ValueError: another shape or type; nothing was run.

        Source: King, "High quality face recognition with deep metric learning" (2017).
        """
        side = self.layout.side_px
        if chips_nhwc_u8.dtype != np.uint8 or chips_nhwc_u8.shape[1:] != (side, side, 3):
            raise ValueError(
                f"chips are {chips_nhwc_u8.dtype} {chips_nhwc_u8.shape}, expected uint8 (n, {side}, {side}, 3)"
            )
        found = np.empty((len(chips_nhwc_u8), self.dimensions), np.float32)
        for start in range(0, len(chips_nhwc_u8), MAX_BATCH):
            batch = chips_nhwc_u8[start : start + MAX_BATCH]
            found[start : start + MAX_BATCH] = self._session.run(None, {"chips": batch})[0]
        return found
