"""The array types that the packages of recognition share, and embeddings as float16 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[Any]
"""uint8: a picture (h, w, 3) BGR, or chips and crops (n, h, w, 3). OpenCV's stubs have no narrower type."""
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


def half_precision(embeddings: Sequence[Sequence[float]]) -> bytes:
    """Embeddings (n, d) as bytes of little-endian float16, to send to the master; empty if there are none.

    A face that was not embedded, whose row is empty, becomes a row of zeros: each face keeps its place.
    """
    numbers = max(map(len, embeddings), default=0)
    if not numbers:
        return b""
    none = (0.0,) * numbers
    return np.asarray([row if len(row) else none for row in embeddings], "<f2").tobytes()


def from_half_precision(content: bytes, count: int) -> Floats:
    """The reverse of `half_precision`: float32 (count, d).

    Raises:
        ValueError: `content` does not hold `count` embeddings.
    """
    return np.frombuffer(content, "<f2").astype(np.float32).reshape(count, -1)
