"""Nearest-neighbour search among embeddings: exact, or a scan of compressed codes with exact re-ranking.

Distances are Euclidean, on embeddings as they are stored. `docs/decisions/0012` has the measurements.
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
"""From this many photos on, the compressed scan is faster than the exact search."""
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
    """Exact search: compares with all rows except `without`.

    Args:
        embeddings: float32 (n, d), in memory or mapped.
        without: the rows to leave out, ascending.
    """

    embeddings: Floats
    without: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    def also_without(self, rows: Rows) -> Exact:
        """The same search, but it leaves out `rows`: all rows to leave out, ascending."""
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
        """The `count` nearest rows for each of faces float32 (m, d); fewer if there are fewer."""
        left = len(self.embeddings) - len(self.without)
        if not left:
            return [NOTHING_NEAR] * len(faces)
        count = min(count, left)
        # one matrix product ranks by |a-b|² to pick the nearest; their distances are then computed exactly
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
    """Scans product quantisation codes, 4 bits for two dimensions, and compares the best rows exactly."""

    embeddings: Floats
    index: Any
    without: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    def nearest(self, faces: Floats, count: int) -> list[Near]:
        """As `Exact.nearest`; compares more rows, in the end all, if many of the best are removed."""
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
    """The nearest `count` of `rows`, by their exact distances."""
    if len(without) and len(rows):
        rows = rows[~_contained(rows, without)]
    if len(rows) > 32:
        rows = np.sort(rows)
    distances = np.linalg.norm(embeddings[rows] - face, axis=1)
    best = _lowest(distances, count)
    best = best[np.argsort(distances[best], kind="stable")]
    return Near(rows[best], distances[best])


def open_scan(path: Path, embeddings: Floats, without: Rows) -> Scan:
    """Open the codes that `build_codes` wrote for these embeddings.

    Raises:
        PackDamaged: the file is damaged, or belongs to other embeddings.
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
