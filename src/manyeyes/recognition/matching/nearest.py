"""The nearest of many embeddings: by comparing with all, or by a compressed scan whose best are compared exactly.

Distances are Euclidean, on embeddings as they come. `docs/decisions/0012` has the figures behind both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyeyes.errors import PackDamaged
from manyeyes.recognition.arrays import Floats

Rows = NDArray[np.int64]

SCAN_FROM = 4_000
"""From so many photos on, the compressed scan is faster than comparing with all of them."""
TRAIN_PHOTOS = 40_000
_BITS = 4
_LEAST_CANDIDATES = 128
_MOST_CANDIDATES = 512
_PHOTOS_FOR_A_CANDIDATE = 400
_DEEPEST_CANDIDATES = 8_192
_BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class Near:
    """Nearest rows of one face, nearest first; distances are exact."""

    rows: Rows
    distances: Floats


NOTHING_NEAR = Near(np.zeros(0, np.int64), np.zeros(0, np.float32))


@dataclass(frozen=True, eq=False)
class Exact:
    """Compares with all rows but `without`.

    Args:
        embeddings: float32 (n, d), in memory or mapped.
        without: rows that do not count.
    """

    embeddings: Floats
    without: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    def also_without(self, rows: Rows) -> Exact:
        """The same, with `rows` (ascending, all of them) left out."""
        made = Exact(self.embeddings, rows)
        squares = self._squares.copy()
        squares[rows] = np.inf
        made.__dict__["_squares"] = squares
        return made

    @cached_property
    def _squares(self) -> Floats:
        blocks = [np.einsum("ij,ij->i", block, block) for _, block in self._blocks()]
        squares = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
        squares[self.without] = np.inf
        return squares

    def _blocks(self) -> list[tuple[int, Floats]]:
        return [
            (start, self.embeddings[start : start + _BLOCK_ROWS])
            for start in range(0, len(self.embeddings), _BLOCK_ROWS)
        ]

    def nearest(self, faces: Floats, count: int) -> list[Near]:
        """The `count` nearest rows for each of faces float32 (m, d); fewer where there are fewer."""
        left = len(self.embeddings) - len(self.without)
        if not left:
            return [NOTHING_NEAR] * len(faces)
        count = min(count, left)
        # |a-b|² by one matrix product picks the nearest; its distance is then taken exactly
        picked: list[list[Rows]] = [[] for _ in faces]
        for start, block in self._blocks():
            rough = self._squares[start : start + len(block)] - 2.0 * (faces @ block.T)
            for face, row in enumerate(rough):
                picked[face].append(start + _lowest(row, count))
        return [
            exact(
                face, self.embeddings, np.concatenate(rows) if len(rows) > 1 else rows[0], count, self.without
            )
            for face, rows in zip(faces, picked, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class Scan:
    """Scans 4-bit product codes of all rows, half a byte for two dimensions, and compares the best exactly."""

    embeddings: Floats
    index: Any
    without: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    def nearest(self, faces: Floats, count: int) -> list[Near]:
        """As `Exact.nearest`; deeper, at last exactly, where removed rows crowd the best."""
        depth = min(
            max(_LEAST_CANDIDATES, len(self.embeddings) // _PHOTOS_FOR_A_CANDIDATE, 4 * count),
            _MOST_CANDIDATES,
        )
        found = self._candidates(faces, depth)
        return [
            exact(face, self.embeddings, rows, count, self.without)
            if self._enough(rows, depth, count)
            else self._deeper(face, depth * 4, count)
            for face, rows in zip(faces, found, strict=True)
        ]

    def _candidates(self, faces: Floats, depth: int) -> list[Rows]:
        depth = min(depth, len(self.embeddings))
        _, rows = self.index.search(np.ascontiguousarray(faces, np.float32), depth)
        found = [row[row >= 0] for row in rows]
        if len(self.without):
            found = [row[~_contained(row, self.without)] for row in found]
        return found

    def _enough(self, rows: Rows, depth: int, count: int) -> bool:
        return len(rows) >= max(count, min(depth, len(self.embeddings)) // 2)

    def _deeper(self, face: Floats, depth: int, count: int) -> Near:
        while depth <= _DEEPEST_CANDIDATES and depth < len(self.embeddings):
            (rows,) = self._candidates(face[None], depth)
            if self._enough(rows, depth, count):
                return exact(face, self.embeddings, rows, count, self.without)
            depth *= 4
        return Exact(self.embeddings, self.without).nearest(face[None], count)[0]


def exact(face: Floats, embeddings: Floats, rows: Rows, count: int, without: Rows) -> Near:
    """The nearest `count` of some rows, by their exact distances."""
    if len(without) and len(rows):
        rows = rows[~_contained(rows, without)]
    if len(rows) > 32:
        rows = np.sort(rows)
    distances = np.linalg.norm(embeddings[rows] - face, axis=1)
    best = _lowest(distances, count)
    best = best[np.argsort(distances[best], kind="stable")]
    return Near(rows[best], distances[best])


def open_scan(path: Path, embeddings: Floats, without: Rows) -> Scan:
    """The scan over embeddings whose codes `build_codes` wrote.

    Raises:
        PackDamaged: the file is damaged, or of other embeddings.
    """
    import faiss

    faiss.omp_set_num_threads(1)
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise PackDamaged(f"index {path} cannot be read; it is built again") from error
    if (index.ntotal, index.d) != embeddings.shape:
        raise PackDamaged(
            f"index {path} has {index.ntotal}×{index.d} codes for {embeddings.shape}; it is built again"
        )
    return Scan(embeddings, index, without)


def build_codes(path: Path, embeddings: Floats) -> None:
    """Write the codes of embeddings float32 (n, d), n at least 16, on one thread."""
    import faiss

    faiss.omp_set_num_threads(1)
    count, dimensions = embeddings.shape
    index = faiss.IndexPQFastScan(dimensions, dimensions // 2 if dimensions % 2 == 0 else dimensions, _BITS)
    sample = np.random.default_rng(0).permutation(count)[:TRAIN_PHOTOS]
    index.train(np.ascontiguousarray(embeddings[np.sort(sample)], np.float32))
    for start in range(0, count, _BLOCK_ROWS):
        index.add(np.ascontiguousarray(embeddings[start : start + _BLOCK_ROWS], np.float32))
    faiss.write_index(index, str(path))


def merged(parts: Sequence[tuple[NDArray[np.int64], Floats]], count: int) -> tuple[NDArray[np.int64], Floats]:
    """The nearest `count` of several (labels, distances)."""
    labels = np.concatenate([part[0] for part in parts])
    distances = np.concatenate([part[1] for part in parts])
    best = np.argsort(distances, kind="stable")[:count]
    return labels[best], distances[best]


def _lowest(values: Floats, count: int) -> Rows:
    if count == 1:
        return np.array([np.argmin(values)]) if len(values) else np.zeros(0, np.int64)
    if count >= len(values):
        return np.arange(len(values))
    return np.argpartition(values, count)[:count]


def _contained(rows: Rows, ascending: Rows) -> NDArray[np.bool_]:
    places = np.searchsorted(ascending, rows)
    places[places == len(ascending)] = 0
    return np.asarray(ascending[places] == rows)
