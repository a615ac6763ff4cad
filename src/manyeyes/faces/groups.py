"""Which unknown faces are alike: pure decisions, no I/O, no clock.

A face joins the group whose faces lie nearest to it on average, if that is near enough; else it begins one.
By the average no chain of faces, each like the next, ties two people together. Groups never join by
themselves, so that an id stays what it was; naming one of two takes the other's faces along.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from manyeyes.recognition.arrays import Floats

Ids = NDArray[np.int64]
_NO_IDS = np.zeros(0, np.int64)


class Groups:
    """The kept faces of one embedder: n ids, n groups, embeddings float32 (n, d)."""

    def __init__(self) -> None:
        self.faces: Ids = _NO_IDS
        self.groups: Ids = _NO_IDS
        self.embeddings: Floats = np.zeros((0, 0), np.float32)

    def __len__(self) -> int:
        return len(self.faces)

    @property
    def numbers(self) -> int:
        """How many numbers an embedding has; 0 while there is none."""
        return int(self.embeddings.shape[1]) if len(self) else 0

    def fitting(self, embedding: Floats, within: float) -> int | None:
        """The group whose faces lie nearest to embedding (d,) on average, None if none is `within`."""
        if not len(self):
            return None
        groups, places = np.unique(self.groups, return_inverse=True)
        distances = np.linalg.norm(self.embeddings - embedding, axis=1)
        means = np.bincount(places, weights=distances) / np.bincount(places)
        nearest = int(np.argmin(means))
        return int(groups[nearest]) if means[nearest] <= within else None

    def add(self, face: int, group: int, embedding: Floats) -> None:
        """A face belongs to a group, known or new."""
        row = embedding[None].astype(np.float32)
        self.faces = np.append(self.faces, face)
        self.groups = np.append(self.groups, group)
        self.embeddings = np.concatenate([self.embeddings, row]) if len(self.embeddings) else row

    def remove(self, faces: Iterable[int]) -> None:
        """Faces are no longer kept."""
        kept = ~np.isin(self.faces, list(faces))
        self.faces, self.groups, self.embeddings = self.faces[kept], self.groups[kept], self.embeddings[kept]

    def near(self, photos: Floats, within: float) -> list[tuple[int, float]]:
        """(face, distance) of the faces with one of photos (m, d) `within` a distance."""
        if not len(self) or not len(photos):
            return []
        nearest = np.full(len(self), np.inf)
        for photo in photos:
            nearest = np.minimum(nearest, np.linalg.norm(self.embeddings - photo, axis=1))
        found = np.flatnonzero(nearest <= within)
        return [(int(self.faces[place]), float(nearest[place])) for place in found]

    def embedding(self, face: int) -> Floats:
        """Of one face that is kept."""
        found: Floats = self.embeddings[int(np.flatnonzero(self.faces == face)[0])]
        return found

    def middle(self, group: int) -> int:
        """The face of a group that lies nearest to all its others."""
        places = np.flatnonzero(self.groups == group)
        mine = self.embeddings[places]
        return int(self.faces[places[np.argmin(np.linalg.norm(mine - mine.mean(axis=0), axis=1))]])
