"""A picture that is the same on every machine."""

from __future__ import annotations

import numpy as np

from manyeyes.recognition.arrays import Bytes


def noise(height_px: int, width_px: int) -> Bytes:
    """The same picture on every machine, by integer arithmetic; uint8 (h, w, 3)."""
    rows, columns, channels = np.meshgrid(
        np.arange(height_px), np.arange(width_px), np.arange(3), indexing="ij"
    )
    mixed = (rows * 7919 + columns * 104729 + channels * 1299709) & 0xFFFFFF
    mixed = (mixed * (mixed >> 7 | 1)) >> 5
    return ((mixed & 127) + (rows * 127 // height_px)).astype(np.uint8)
