"""The people that faces are compared with."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from manyeyes.errors import PackDamaged
from manyeyes.recognition.arrays import Floats
from manyeyes.recognition.vetoes import Veto, settle

DEFAULT_THRESHOLD = 0.58
_STEEPNESS = 20.0
_MAGIC = b"MYGAL\x01"


class Match(NamedTuple):
    """The nearest enrolled photo: `name` is None past the threshold, `distance` None in an empty gallery."""

    name: str | None
    distance: float | None
    confidence: float


@dataclass(frozen=True, eq=False)
class Gallery:
    """Enrolled photos: one name and one embedding each; a person may have several.

    Args:
        names: n names.
        embeddings: float32 (n, d), d as the embedder has it.
        threshold: largest Euclidean distance of raw embeddings at which two faces are one person.
        version: the registry's count of changes.
        embedder: the `embedder_id` that made the embeddings; empty where it is not known.
        vetoes: faces that must not be given a name, from feedback.

    Raises:
        ValueError: names and embeddings do not fit each other.
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

    def match(self, embeddings: Floats) -> list[Match]:
        """The nearest photo for each of embeddings float32 (m, d)."""
        if not self.names:
            return [Match(None, None, 0.0)] * len(embeddings)
        # |a-b|² by one matrix product picks the nearest; its distance is then taken exactly
        rough = (self.embeddings**2).sum(axis=1) - 2.0 * embeddings @ self.embeddings.T
        nearest = np.argmin(rough, axis=1)
        distances = np.linalg.norm(embeddings - self.embeddings[nearest], axis=1)
        return [
            self._judge(face, self.names[place], float(distance))
            for face, place, distance in zip(embeddings, nearest, distances, strict=True)
        ]

    def _judge(self, face: Floats, name: str, distance: float) -> Match:
        found: tuple[str, float] | None = (name, distance)
        if distance <= self.threshold and any(veto.name == name for veto in self.vetoes):
            found = settle(self.vetoes, face, self._by_distance(face))
        if found is None:
            return Match(None, None, 0.0)
        name, distance = found
        return Match(name if distance <= self.threshold else None, distance, self.confidence(distance))

    def _by_distance(self, face: Floats) -> Iterator[tuple[str, float]]:
        """Every photo, nearest first; only faces near somebody with a veto come here."""
        distances = np.linalg.norm(self.embeddings - face, axis=1)
        for place in np.argsort(distances):
            yield self.names[place], float(distances[place])

    def confidence(self, distance: float) -> float:
        """A logistic of the distance, 0.5 at the threshold."""
        return float(1.0 / (1.0 + np.exp(min(_STEEPNESS * (distance - self.threshold), 700.0))))

    def to_bytes(self) -> bytes:
        """Magic, length of the JSON header, header, float32 little-endian embeddings, those of vetoes last."""
        header = {
            "names": self.names,
            "threshold": self.threshold,
            "version": self.version,
            "embedder": self.embedder,
            "vetoes": [veto.name for veto in self.vetoes],
        }
        text = json.dumps(header, ensure_ascii=False).encode()
        rows = [self.embeddings, *(veto.embedding for veto in self.vetoes)]
        return (
            _MAGIC + struct.pack("<I", len(text)) + text + b"".join(r.astype("<f4").tobytes() for r in rows)
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Gallery:
        """The reverse of `to_bytes`.

        Raises:
            PackDamaged: these are not a gallery's bytes.
        """
        start = len(_MAGIC) + 4
        try:
            if not data.startswith(_MAGIC):
                raise ValueError(f"it starts with {data[:6]!r}")
            end = start + int.from_bytes(data[len(_MAGIC) : start], "little")
            header = json.loads(data[start:end])
            names, vetoes = (tuple(map(str, header[key])) for key in ("names", "vetoes"))
            count = len(names) + len(vetoes)
            rows = np.frombuffer(data[end:], "<f4").reshape(count, -1 if count else 0)
            return cls(
                names,
                rows[: len(names)],
                float(header["threshold"]),
                int(header["version"]),
                str(header["embedder"]),
                tuple(map(Veto, vetoes, rows[len(names) :])),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise PackDamaged(
                f"gallery of {len(data)} bytes cannot be read: {error}; send it again"
            ) from error
