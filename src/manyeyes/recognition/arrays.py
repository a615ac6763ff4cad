"""The array types that the rooms of recognition hand to each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[Any]
"""uint8: a picture (h, w, 3) BGR, or chips and crops (n, h, w, 3). OpenCV's stubs know no closer type."""
Floats = NDArray[np.float32]


def half_precision(embeddings: Sequence[Sequence[float]]) -> bytes:
    """Embeddings as float16, little-endian, to be sent to the master; empty where there are none."""
    if not embeddings or not len(embeddings[0]):
        return b""
    return np.asarray(embeddings, "<f2").tobytes()


def from_half_precision(content: bytes, count: int) -> Floats:
    """The reverse of `half_precision`: float32 (count, d).

    Raises:
        ValueError: these are not `count` embeddings.
    """
    return np.frombuffer(content, "<f2").astype(np.float32).reshape(count, -1)
