"""A gallery: the enrolled photos that faces are compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from manyeyes.recognition.arrays import Floats
from manyeyes.recognition.matching.gallery_changes import Changes, full_mark
from manyeyes.recognition.matching.nearest import Exact
from manyeyes.recognition.matching.vetoes import Veto, settle

DEFAULT_THRESHOLD = 0.58
_STEEPNESS = 20.0


class Match(NamedTuple):
    """The nearest enrolled photo; `name` is None beyond the threshold, `distance` if there is no photo."""

    name: str | None
    distance: float | None
    confidence: float


@dataclass(frozen=True, eq=False)
class Gallery:
    """Enrolled photos: one name and one embedding each; a person may have several.

    Args:
        names: n names.
        embeddings: float32 (n, d), d is the embedder's number of dimensions.
        threshold: largest Euclidean distance of raw embeddings at which two faces are one person.
        version: the registry's count of changes.
        embedder: the `embedder_id` that made the embeddings; empty if it is not known.
        vetoes: from feedback: faces and the name that each must not get.

    Raises:
        ValueError: `embeddings` is not one row for each name.
    """

    names: tuple[str, ...]
    embeddings: Floats
    threshold: float = DEFAULT_THRESHOLD
    version: int = 0
    embedder: str = ""
    vetoes: tuple[Veto, ...] = ()

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or len(self.embeddings) != len(self.names):
            raise ValueError(f"gallery embeddings are {self.embeddings.shape} for {len(self.names)} names")
        object.__setattr__(self, "embeddings", np.ascontiguousarray(self.embeddings, np.float32))

    @classmethod
    def empty(cls, *, threshold: float = DEFAULT_THRESHOLD, version: int = 0, embedder: str = "") -> Gallery:
        """A gallery without people: every face is unknown."""
        return cls((), np.zeros((0, 0), np.float32), threshold, version, embedder)

    @property
    def photos(self) -> int:
        """How many photos it has."""
        return len(self.names)

    def photo_counts(self) -> Iterable[int]:
        """How many photos each person has."""
        return Counter(self.names).values()

    def match(self, embeddings: Floats) -> list[Match]:
        """The nearest photo for each of embeddings float32 (m, d); if its name is vetoed, the next one."""
        if not len(embeddings):
            return []
        return [
            self._judge(face, near)
            for face, near in zip(embeddings, self.neighbours(embeddings, 1), strict=True)
        ]

    def _judge(self, face: Floats, near: list[tuple[str, float]]) -> Match:
        found = near[0] if near else None
        if found and found[1] <= self.threshold and any(veto.name == found[0] for veto in self.vetoes):
            found = settle(self.vetoes, face, self.by_distance(face))
        if found is None:
            return Match(None, None, 0.0)
        name, distance = found
        return Match(name if distance <= self.threshold else None, distance, self.confidence(distance))

    def by_distance(self, face: Floats) -> Iterator[tuple[str, float]]:
        """All photos as (name, distance), nearest to a face (d,) first; searched lazily, in growing parts."""
        given, count = 0, 8
        while given < self.photos:
            (near,) = self.neighbours(face[None], count)
            yield from near[given:]
            given, count = len(near), count * 8

    def neighbours(self, embeddings: Floats, count: int) -> list[list[tuple[str, float]]]:
        """The `count` nearest photos of each face as (name, distance), nearest first; fewer if there are fewer."""
        return [
            [
                (self.names[row], distance)
                for row, distance in zip(near.rows, near.distances.tolist(), strict=True)
            ]
            for near in self._exact.nearest(embeddings, count)
        ]

    @cached_property
    def _exact(self) -> Exact:
        return Exact(self.embeddings)

    def confidence(self, distance: float) -> float:
        """A logistic of the distance, 0.5 at the threshold; for packs without calibration."""
        return float(1.0 / (1.0 + np.exp(min(_STEEPNESS * (distance - self.threshold), 700.0))))

    def to_bytes(self) -> bytes:
        """The bytes of the whole gallery, in the format of `Changes`."""
        numbers: dict[str, int] = {}
        for name in (*self.names, *(veto.name for veto in self.vetoes)):
            numbers.setdefault(name, len(numbers) + 1)
        return Changes.of(
            since=0,
            version=self.version,
            mark=full_mark("", self.embedder),
            threshold=self.threshold,
            added=[(i, numbers[name], self.embeddings[i]) for i, name in enumerate(self.names)],
            people={number: name for name, number in numbers.items()},
            vetoes=[(numbers[veto.name], veto.embedding) for veto in self.vetoes],
        ).to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Gallery:
        """The reverse of `to_bytes`.

        Raises:
            PackDamaged: these are not a gallery's bytes.
        """
        read = Changes.from_bytes(data)
        people = read.named()
        return cls(
            tuple(people[owner] for owner in read.owners.tolist()),
            read.embeddings,
            read.threshold,
            read.version,
            read.embedder,
            tuple(
                Veto(people[owner], row)
                for owner, row in zip(read.veto_owners.tolist(), read.vetoes, strict=True)
            ),
        )
