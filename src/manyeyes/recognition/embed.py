"""Aligned chips to embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from manyeyes.recognition.align import DLIB_CHIP, ChipLayout
from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.recognition.sessions import open_session
from manyeyes.results import Precision

MAX_BATCH = 8
"""Larger batches are no faster on one thread and only take memory."""


class Embedder:
    """dlib's face recognition ResNet, as the pack's `embed.onnx`."""

    layout: ChipLayout = DLIB_CHIP
    dimensions = 128
    unit_length = False

    def __init__(self, model: Path) -> None:
        self._session = open_session(model)
        self.precision: Precision = "fp32"

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
