"""A gallery in layers: a mapped base that never changes, and what was added, removed and renamed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from manyeyes.recognition.arrays import Floats
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.matching.gallery_changes import Changes, Ids
from manyeyes.recognition.matching.nearest import SCAN_FROM, Exact, Scan, merged, open_scan
from manyeyes.recognition.matching.vetoes import Veto

_NO_IDS = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Layers:
    """Base and overlay; `with_changes` returns new layers and leaves these unchanged.

    Attributes:
        base: the whole gallery as it was at some version.
        codes: the search in the base; exact if the base is small or has no index yet.
        photos, owners, added: the overlay: ids ascending, their people, embeddings.
        renamed: names of people who are new or renamed since the base.
    """

    base: Changes
    codes: Exact | Scan
    photos: Ids = field(default_factory=lambda: _NO_IDS)
    owners: Ids = field(default_factory=lambda: _NO_IDS)
    added: Exact = field(default_factory=lambda: Exact(np.zeros((0, 0), np.float32)))
    renamed: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def over(cls, base: Changes, index: Path | None = None) -> Layers:
        """Layers of a base only, with the index that `build_codes` wrote for it, if there is one."""
        if index is None or len(base.photos) < SCAN_FROM:
            return cls(base, Exact(base.embeddings))
        return cls(base, open_scan(index, base.embeddings, _NO_IDS))

    @property
    def count(self) -> int:
        """How many photos there are, without the removed ones."""
        return len(self.base.photos) - len(self.codes.without) + len(self.photos)

    def with_changes(self, changes: Iterable[Changes]) -> Layers:
        """These layers with changes applied, in order."""
        renamed, gone = dict(self.renamed), [_NO_IDS]
        parts = [(self.photos, self.owners, self.added.embeddings)]
        for change in changes:
            touched = np.union1d(change.removed, change.photos)
            parts = [_leave_out(part, touched) for part in parts]
            parts.append((change.photos, change.owners, change.embeddings))
            gone.append(touched)
            renamed.update(change.named())
        parts = [part for part in parts if len(part[0])] or [(_NO_IDS, _NO_IDS, np.zeros((0, 0), np.float32))]
        photos, owners, embeddings = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(photos, kind="stable")
        return Layers(
            self.base,
            _without(self.codes, self._base_rows(np.unique(np.concatenate(gone)))),
            photos[order],
            owners[order],
            Exact(embeddings[order]),
            renamed,
        )

    def _base_rows(self, photos: Ids) -> Ids:
        places = np.searchsorted(self.base.photos, photos)
        inside = places < len(self.base.photos)
        places, photos = places[inside], photos[inside]
        return np.asarray(places[self.base.photos[places] == photos], np.int64)

    def name(self, person: int) -> str:
        """A person's name as it is now."""
        if person in self.renamed:
            return self.renamed[person]
        return self.base.name(person) or ""

    def nearest(self, faces: Floats, count: int) -> list[tuple[Ids, Floats]]:
        """(people, distances) of the `count` nearest photos for each face; fewer if there are fewer."""
        if not len(self.photos):
            return [
                (self.base.owners[near.rows], near.distances) for near in self.codes.nearest(faces, count)
            ]
        new = self.added.nearest(faces, count)
        if not len(self.base.photos):
            return [(self.owners[near.rows], near.distances) for near in new]
        return [
            merged(
                [(self.base.owners[one.rows], one.distances), (self.owners[two.rows], two.distances)], count
            )
            for one, two in zip(self.codes.nearest(faces, count), new, strict=True)
        ]

    def photo_counts(self) -> Iterable[int]:
        """How many photos each person has."""
        kept = np.delete(self.base.owners, self.codes.without)
        _, counts = np.unique(np.concatenate([kept, self.owners]), return_counts=True)
        return [int(count) for count in counts]

    def everything(self) -> tuple[Ids, Ids]:
        """(photo ids ascending, row of each); rows of the overlay are numbered after those of the base."""
        kept = np.delete(np.arange(len(self.base.photos)), self.codes.without)
        ids = np.concatenate([self.base.photos[kept], self.photos])
        rows = np.concatenate([kept, len(self.base.photos) + np.arange(len(self.photos))])
        order = np.argsort(ids, kind="stable")
        return ids[order], rows[order]


class LayeredGallery(Gallery):
    """A `Gallery` over layers; `names` and `embeddings` stay empty, the photos are in the files."""

    layers: Layers

    @classmethod
    def over(cls, layers: Layers, newest: Changes) -> LayeredGallery:
        """A gallery of layers, with version, threshold, embedder and vetoes of their last change."""
        vetoes = tuple(
            Veto(layers.name(int(owner)), row)
            for owner, row in zip(newest.veto_owners, newest.vetoes, strict=True)
        )
        nothing = np.zeros((0, 0), np.float32)
        made = cls((), nothing, newest.threshold, newest.version, newest.embedder, vetoes)
        object.__setattr__(made, "layers", layers)
        return made

    @classmethod
    def open(cls, base: Path, deltas: Iterable[Path], index: Path | None = None) -> LayeredGallery:
        """Map a base and apply deltas.

        Raises:
            PackDamaged: a file is missing or damaged.
        """
        first = Changes.open(base)
        changes = [Changes.open(path) for path in deltas]
        layers = Layers.over(first, index)
        return cls.over(
            layers.with_changes(changes) if changes else layers, changes[-1] if changes else first
        )

    def with_changes(self, changes: list[Changes]) -> LayeredGallery:
        """This gallery after further changes."""
        return self.over(self.layers.with_changes(changes), changes[-1]) if changes else self

    @property
    def photos(self) -> int:
        """How many photos it has."""
        return self.layers.count

    def photo_counts(self) -> Iterable[int]:
        """How many photos each person has."""
        return self.layers.photo_counts()

    def neighbours(self, embeddings: Floats, count: int) -> list[list[tuple[str, float]]]:
        """The `count` nearest photos of each face as (name, distance)."""
        return [
            [
                (self.layers.name(person), distance)
                for person, distance in zip(people.tolist(), distances.tolist(), strict=True)
            ]
            for people, distances in self.layers.nearest(embeddings, count)
        ]


def _leave_out(part: tuple[Ids, Ids, Floats], photos: Ids) -> tuple[Ids, Ids, Floats]:
    kept = ~np.isin(part[0], photos)
    return part if kept.all() else (part[0][kept], part[1][kept], part[2][kept])


def _without(codes: Exact | Scan, rows: Ids) -> Exact | Scan:
    rows = np.union1d(codes.without, rows)
    if len(rows) == len(codes.without):
        return codes
    if isinstance(codes, Scan):
        return Scan(codes.embeddings, codes.index, rows)
    return codes.also_without(rows)
