"""What one read transaction sees of an embedder's gallery: the whole, what changed since a version, and one person's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from manyeyes.recognition.arrays import Floats
from manyeyes.recognition.matching.gallery_changes import Changes, full_mark, pack_names
from manyeyes.store import gallery_history
from manyeyes.store.database import Read
from manyeyes.store.settings import ThresholdRuleRow, stored_rule

_BLOCK_ROWS = 50_000
_SNAPSHOT_ROWS = 20_000


@dataclass(frozen=True)
class Block:
    """Enrolled photos of one embedder: n ids, person ids, names, file names; embeddings float32 (n, d)."""

    photo_ids: list[int]
    person_ids: list[int]
    names: list[str]
    file_names: list[str]
    embeddings: Floats


class GalleryView:
    """Reads over a connection that is in a transaction.

    Args:
        embedder: whose embeddings are read.
    """

    def __init__(self, db: sqlite3.Connection, embedder: str) -> None:
        self._db = db
        self._embedder = embedder

    def _read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._db.execute(query, values).fetchall()

    # versions

    @property
    def newest(self) -> tuple[int, str]:
        """Version and mark of the last change; the mark says the embedder too."""
        version, mark = gallery_history.newest(self._read)
        return version, full_mark(mark, self._embedder)

    def only_added(self, since: int, mark: str) -> bool:
        """Whether nothing was taken out since a version that is known."""
        gone = (
            "SELECT 1 FROM changes WHERE version > ? AND photo_id IS NOT NULL AND photo_id NOT IN "
            "(SELECT id FROM photos WHERE embedder = ?) LIMIT 1"
        )
        return self._is_known(since, mark) and not self._read(gone, since, self._embedder)

    def delta(self, since: int, mark: str, threshold: float) -> Changes | None:
        """What changed since a version, None if that is not known any more."""
        if not self._is_known(since, mark):
            return None
        touched = "SELECT photo_id FROM changes WHERE version > ? AND photo_id IS NOT NULL"
        photos = self._read(
            f"SELECT id, person_id, embedding FROM photos NOT INDEXED WHERE embedder = ? AND id IN ({touched})",
            self._embedder,
            since,
        )
        ids = {row[0] for row in self._read(touched, since)}
        people = self._read(
            "SELECT id, name FROM people WHERE id IN "
            "(SELECT person_id FROM changes WHERE version > ? AND person_id IS NOT NULL)",
            since,
        )
        now = self._no_change(threshold)
        return Changes.of(
            since=since,
            version=now.version,
            mark=now.mark,
            threshold=now.threshold,
            added=[(photo, owner, np.frombuffer(blob, "<f4")) for photo, owner, blob in photos],
            removed=ids - {photo for photo, _, _ in photos},
            people={number: name for number, name in people},
            vetoes=list(zip(now.veto_owners.tolist(), now.vetoes, strict=True)),
        )

    def write_snapshot(self, path: Path, threshold: float) -> Changes:
        """Write the whole gallery to a file, in blocks."""
        whole = "FROM photos WHERE embedder = ?"
        ((count,),) = self._read(f"SELECT COUNT(*) {whole}", self._embedder)
        sizes = self._read(f"SELECT LENGTH(embedding) {whole} LIMIT 1", self._embedder)
        numbers = sizes[0][0] // 4 if sizes else 0
        now = self._no_change(threshold)
        owners = f"SELECT person_id {whole}"
        people: dict[int, str] = dict(
            (number, name)
            for number, name in self._read(
                f"SELECT id, name FROM people WHERE id IN ({owners})", self._embedder
            )
        )
        for owner in now.veto_owners.tolist():
            people[owner] = self._read("SELECT name FROM people WHERE id = ?", owner)[0][0]
        ids, ends, names = pack_names(people)
        head = Changes(
            0, now.version, now.mark, now.threshold, now.photos, now.owners, now.embeddings, now.removed,
            ids, ends, names, now.veto_owners, now.vetoes,
        )  # fmt: skip
        made = Changes.create(
            path, head, {"photos": (count,), "owners": (count,), "embeddings": (count, numbers)}
        )
        cursor = self._db.execute(
            "SELECT id, person_id, embedding FROM photos NOT INDEXED WHERE embedder = ? ORDER BY id",
            (self._embedder,),
        )
        start = 0
        while rows := cursor.fetchmany(_SNAPSHOT_ROWS):
            into = slice(start, start + len(rows))
            made.photos[into] = [row[0] for row in rows]
            made.owners[into] = [row[1] for row in rows]
            made.embeddings[into] = np.frombuffer(b"".join(row[2] for row in rows), "<f4").reshape(
                len(rows), -1
            )
            start += len(rows)
        return made

    def _no_change(self, threshold: float) -> Changes:
        """A change of nothing, at the newest version: it carries threshold and vetoes."""
        version, mark = self.newest
        vetoes = self._read(
            "SELECT person_id, embedding FROM vetoes WHERE embedder = ? ORDER BY id", self._embedder
        )
        return Changes.of(
            since=version,
            version=version,
            mark=mark,
            threshold=threshold,
            vetoes=[(owner, np.frombuffer(blob, "<f4")) for owner, blob in vetoes],
        )

    def _is_known(self, version: int, mark: str) -> bool:
        rows = self._read("SELECT mark FROM changes WHERE version = ?", version)
        return bool(rows) and full_mark(f"{rows[0][0]:x}", self._embedder) == mark

    # what stands beside the photos

    def threshold_rule(self) -> ThresholdRuleRow | None:
        """The threshold's rule, None for the default."""
        return stored_rule(self._read)

    def photo_counts(self) -> dict[int, int]:
        """How many people have how many photos: {photos: people}."""
        return photo_counts(self._read, self._embedder)

    # embeddings

    def blocks(self) -> Iterator[Block]:
        """All enrolled photos, some ten thousand at a time."""
        cursor = self._db.execute(
            "SELECT f.id, p.id, p.name, f.file_name, f.embedding FROM photos f "
            "JOIN people p ON p.id = f.person_id WHERE f.embedder = ? ORDER BY f.id",
            (self._embedder,),
        )
        while rows := cursor.fetchmany(_BLOCK_ROWS):
            photo_ids, person_ids, names, file_names, raw = map(list, zip(*rows, strict=True))
            embeddings = np.frombuffer(b"".join(raw), "<f4").astype(np.float32).reshape(len(rows), -1)
            yield Block(photo_ids, person_ids, names, file_names, embeddings)

    def photos_of(self, name: str) -> list[Floats]:
        """The embeddings of a person's photos, each float32 (d,)."""
        return self._of_person("photos", name)

    def vetoes_of(self, name: str) -> list[Floats]:
        """The embeddings of faces that are not this person, each float32 (d,)."""
        return self._of_person("vetoes", name)

    def _of_person(self, table: str, name: str) -> list[Floats]:
        rows = self._read(
            f"SELECT t.embedding FROM {table} t JOIN people p ON p.id = t.person_id "
            "WHERE p.name = ? AND t.embedder = ?",
            name,
            self._embedder,
        )
        return [np.frombuffer(row[0], "<f4") for row in rows]


def photo_counts(read: Read, embedder: str) -> dict[int, int]:
    """How many people have how many photos of this embedder: {photos: people}."""
    rows = read(
        "SELECT n, COUNT(*) FROM (SELECT COUNT(*) AS n FROM photos WHERE embedder = ? GROUP BY person_id) "
        "GROUP BY n",
        embedder,
    )
    return {int(count): int(people) for count, people in rows}
