"""The interface of an embedder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.recognition.embedding.align import ChipLayout
from manyeyes.results import Precision


class FaceEmbedder(Protocol):
    """Chips in, embeddings out; `unit_length` says whether an average must be scaled to length 1 again.

    For an embedding shorter than `usual_length`, the recogniser adds the missing length to its distances.
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
        """This embedder and its variants of other precisions; for the pack's self-test."""
        ...

    def embed(self, chips_nhwc_u8: Bytes) -> Floats:
        """Embeddings float32 (n, d) of BGR chips, uint8 (n, side, side, 3)."""
        ...
