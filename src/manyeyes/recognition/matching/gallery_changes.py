"""The file format for changes of a gallery between two versions: fixed sections that can be memory-mapped.

A whole gallery is the change from an empty one (`since` 0). So one format serves as the snapshot that a node
starts with, as the delta that follows, and as the base that workers map. Layout: magic, length of the JSON
header (4 bytes, little-endian), header, then the sections of `_SECTIONS` in that order, each beginning at a
multiple of 64 bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyeyes.errors import PackDamaged
from manyeyes.recognition.arrays import Floats

Ids = NDArray[np.int64]

_MAGIC = b"MYGALv2\n"
_ALIGN = 64
_SECTIONS = (
    "photos",
    "owners",
    "embeddings",
    "removed",
    "people",
    "name_ends",
    "names",
    "veto_owners",
    "vetoes",
)
_KINDS = {"embeddings": "<f4", "vetoes": "<f4", "names": "|u1"}


@dataclass(frozen=True, eq=False)
class Changes:
    """All changes from version `since` of a gallery to `version`.

    Attributes:
        since: 0 for a whole gallery.
        mark: which history `version` belongs to, and which embedder; as `full_mark` makes it.
        threshold: the threshold at `version`.
        photos: int64 (n,), ascending: ids of photos to add; a photo that exists already is replaced.
        owners: int64 (n,): the id of each photo's person.
        embeddings: float32 (n, d).
        removed: int64 (r,): ids of photos to remove first.
        people: int64 (p,), ascending: ids of people who are new or renamed.
        name_ends: int64 (p,): where each person's name ends in `names`.
        names: uint8: their names in UTF-8, one after another.
        veto_owners, vetoes: int64 (v,), float32 (v, d): person and face of every veto, not only of new ones.
    """

    since: int
    version: int
    mark: str
    threshold: float
    photos: Ids
    owners: Ids
    embeddings: Floats
    removed: Ids
    people: Ids
    name_ends: Ids
    names: NDArray[np.uint8]
    veto_owners: Ids
    vetoes: Floats

    @classmethod
    def of(
        cls,
        *,
        since: int,
        version: int,
        mark: str,
        threshold: float,
        added: Sequence[tuple[int, int, Floats]] = (),
        removed: Iterable[int] = (),
        people: Mapping[int, str] | None = None,
        vetoes: Sequence[tuple[int, Floats]] = (),
    ) -> Changes:
        """Changes from plain values: `added` are (photo, person, embedding), `vetoes` (person, embedding)."""
        added = sorted(added, key=lambda row: row[0])
        ids, ends, names = pack_names(people or {})
        return cls(
            since,
            version,
            mark,
            threshold,
            photos=np.array([row[0] for row in added], np.int64),
            owners=np.array([row[1] for row in added], np.int64),
            embeddings=_stack([row[2] for row in added]),
            removed=np.array(sorted(removed), np.int64),
            people=ids,
            name_ends=ends,
            names=names,
            veto_owners=np.array([owner for owner, _ in vetoes], np.int64),
            vetoes=_stack([embedding for _, embedding in vetoes]),
        )

    @property
    def embedder(self) -> str:
        """The `embedder_id` that made the embeddings; empty if it is not known."""
        return self.mark.partition(":")[2]

    @property
    def size_photos(self) -> int:
        """How many photos are added and removed."""
        return len(self.photos) + len(self.removed)

    def named(self) -> dict[int, str]:
        """Person id → name, of all in `people`."""
        text, start, found = self.names.tobytes(), 0, {}
        for person, end in zip(self.people.tolist(), self.name_ends.tolist(), strict=True):
            found[person] = text[start:end].decode()
            start = end
        return found

    def name(self, person: int) -> str | None:
        """One person's name; None if the person is not in `people`."""
        place = int(np.searchsorted(self.people, person))
        if place == len(self.people) or self.people[place] != person:
            return None
        start = int(self.name_ends[place - 1]) if place else 0
        return self.names[start : int(self.name_ends[place])].tobytes().decode()

    def to_bytes(self) -> bytes:
        """The file's bytes."""
        shapes = {name: getattr(self, name).shape for name in _SECTIONS}
        head, places, size = _layout(self, shapes)
        content = bytearray(size)
        content[: len(head)] = head
        for name, start in places.items():
            part = np.ascontiguousarray(getattr(self, name), _kind(name)).tobytes()
            content[start : start + len(part)] = part
        return bytes(content)

    @classmethod
    def from_bytes(cls, content: bytes) -> Changes:
        """The reverse of `to_bytes`.

        Raises:
            PackDamaged: `content` is not in this format.
        """
        return cls._read(np.frombuffer(content, np.uint8), f"gallery of {len(content)} bytes")

    @classmethod
    def open(cls, path: Path) -> Changes:
        """Map a file for reading; all processes that map it share its pages.

        Raises:
            PackDamaged: the file is missing, cut short or not in this format.
        """
        try:
            content = np.memmap(path, np.uint8, "r")
        except (OSError, ValueError) as error:
            raise PackDamaged(f"gallery file {path} cannot be read: {error}; it is fetched again") from error
        return cls._read(content, f"gallery file {path} of {len(content)} bytes")

    @classmethod
    def create(cls, path: Path, head: Changes, shapes: Mapping[str, tuple[int, ...]]) -> Changes:
        """Create a file to fill in place, with the scalars of `head` and sections of zeros in these shapes.

        A section that is not in `shapes` is copied from `head`.
        """
        whole = {name: tuple(shapes.get(name, getattr(head, name).shape)) for name in _SECTIONS}
        text, places, size = _layout(head, whole)
        with path.open("wb") as file:
            file.write(text)
            file.truncate(size)
        content = np.memmap(path, np.uint8, "r+")
        made = cls(head.since, head.version, head.mark, head.threshold, **_views(content, places, whole))
        for name in _SECTIONS:
            if name not in shapes:
                getattr(made, name)[...] = getattr(head, name)
        return made

    @classmethod
    def _read(cls, content: Any, what: str) -> Changes:
        try:
            if content[: len(_MAGIC)].tobytes() != _MAGIC:
                raise ValueError(f"it starts with {content[:8].tobytes()!r}")
            start = len(_MAGIC) + 4
            end = start + int.from_bytes(content[len(_MAGIC) : start].tobytes(), "little")
            header = json.loads(content[start:end].tobytes())
            shapes = {name: tuple(map(int, header["shapes"][name])) for name in _SECTIONS}
            scalars = {field.name: header[field.name] for field in fields(cls)[:4]}
            places, size = _places(end, shapes)
            if size != len(content):
                raise ValueError(f"it should have {size} bytes")
            found = cls(**scalars, **_views(content, places, shapes))
            n, p, v = len(found.photos), len(found.people), len(found.veto_owners)
            sizes = (len(found.owners), len(found.embeddings), len(found.name_ends), len(found.vetoes))
            if sizes != (n, n, p, v) or found.embeddings.ndim != 2:
                raise ValueError(f"its sections have {sizes} rows for {(n, n, p, v)}")
            return found
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PackDamaged(f"{what} cannot be read: {error}; send it again") from error


def full_mark(history: str, embedder: str) -> str:
    """The mark of a history with an embedder: embeddings of another embedder are another gallery."""
    return f"{history}:{embedder}"


def pack_names(people: Mapping[int, str]) -> tuple[Ids, Ids, NDArray[np.uint8]]:
    """(people, name_ends, names) as `Changes` holds them."""
    ids = sorted(people)
    texts = [people[person].encode() for person in ids]
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64) if texts else np.zeros(0, np.int64)
    return np.array(ids, np.int64), ends, np.frombuffer(b"".join(texts), np.uint8)


def _stack(rows: Sequence[Floats]) -> Floats:
    return np.stack(rows).astype(np.float32) if rows else np.zeros((0, 0), np.float32)


def _kind(name: str) -> np.dtype[Any]:
    return np.dtype(_KINDS.get(name, "<i8"))


def _layout(head: Changes, shapes: Mapping[str, tuple[int, ...]]) -> tuple[bytes, dict[str, int], int]:
    scalars = {field.name: getattr(head, field.name) for field in fields(head)[:4]}
    text = json.dumps({**scalars, "shapes": shapes}).encode()
    start = _MAGIC + len(text).to_bytes(4, "little") + text
    return start, *_places(len(start), shapes)


def _places(start: int, shapes: Mapping[str, tuple[int, ...]]) -> tuple[dict[str, int], int]:
    places, end = {}, start
    for name in _SECTIONS:
        places[name] = -(-end // _ALIGN) * _ALIGN
        end = places[name] + int(np.prod(shapes[name])) * _kind(name).itemsize
    return places, end


def _views(content: Any, places: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    views = {}
    for name, start in places.items():
        size = int(np.prod(shapes[name])) * _kind(name).itemsize
        part = np.asarray(content[start : start + size])
        views[name] = part.view(_kind(name)).reshape(shapes[name])
    return views
