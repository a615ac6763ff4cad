"""The file of unknown faces: a SQLite file of its own, so that turning the keeping off removes it whole.

All calls block and come from one thread at a time. What is deleted is overwritten with zeros: in the file and
its journal by the next `expire`, which comes within half a minute.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from manyeyes.recognition.arrays import Floats
from manyeyes.results import Caution
from manyeyes.store.transaction import transaction

KEPT_OF_DISMISSED = 5
"""Embeddings of a dismissed group that are kept, so that faces like them are not shown again."""
_CAUTIONS = TypeAdapter(tuple[Caution, ...])
_TABLES = """
CREATE TABLE IF NOT EXISTS groups (id INTEGER PRIMARY KEY AUTOINCREMENT, dismissed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS faces (
    id INTEGER PRIMARY KEY AUTOINCREMENT, group_id INTEGER NOT NULL REFERENCES groups(id) ON DELETE CASCADE,
    seen_at REAL NOT NULL, embedder TEXT NOT NULL, embedding BLOB NOT NULL, jpeg BLOB, sha256 TEXT NOT NULL,
    landmarks TEXT NOT NULL, width_px INTEGER NOT NULL, sharpness REAL NOT NULL, warnings TEXT NOT NULL,
    task_id TEXT NOT NULL, trace_id TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS faces_by_time ON faces (seen_at);
CREATE INDEX IF NOT EXISTS faces_by_digest ON faces (sha256);
CREATE INDEX IF NOT EXISTS faces_of_group ON faces (group_id);
"""


@dataclass(frozen=True)
class NewUnknown:
    """An unknown face as it is to be kept: raw little-endian float32 embedding; times are seconds since 1970."""

    id: int
    """Of `next_ids` and above."""
    group: int
    """A known one, or a new one of `next_ids` and above."""
    seen_at: float
    embedding: bytes
    jpeg: bytes
    sha256: str
    landmarks_px: tuple[tuple[float, float], ...]
    width_px: int
    sharpness: float
    warnings: tuple[Caution, ...]
    task_id: str
    trace_id: str = ""


@dataclass(frozen=True)
class KeptFace:
    """A kept face without its pixels."""

    id: int
    group: int
    seen_at: float
    width_px: int
    sharpness: float
    warnings: tuple[Caution, ...]
    task_id: str
    trace_id: str

    @property
    def rank(self) -> tuple[int, float, int]:
        """Sorts the best faces first."""
        return len(self.warnings), -self.sharpness, -self.width_px


@dataclass(frozen=True)
class Vector:
    """What a face is compared by; embedding float32 (d,)."""

    face: int
    group: int
    embedding: Floats


class UnknownFaceRepository:
    """The rows of unknown faces, in a file of their own that is created if it is missing.

    Args:
        embedder: whose faces these are; those of any other are deleted.

    Raises:
        sqlite3.Error: the file is no such file, or cannot be written; so from every call.
    """

    def __init__(self, path: Path, embedder: str) -> None:
        self._path = path
        self._embedder = embedder
        self._deletions = 1
        """Since what was deleted was last overwritten; one may be of before the start."""
        path.touch(mode=0o600)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA secure_delete=ON")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._db.executescript(_TABLES)
            self._db.execute("DELETE FROM faces WHERE embedder <> ?", (embedder,))
            self._drop_empty()
        except sqlite3.Error:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @staticmethod
    def remove(path: Path) -> bool:
        """Delete a file and what SQLite has beside it; whether there was one."""
        there = path.exists()
        for ending in ("", "-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        return there

    def count(self) -> int:
        """How many faces may be shown."""
        (count,) = self._db.execute("SELECT COUNT(*) FROM faces WHERE jpeg IS NOT NULL").fetchone()
        return int(count)

    def vectors(self) -> list[Vector]:
        """Everything that faces are compared with, dismissed ones included, oldest first."""
        rows = self._db.execute("SELECT id, group_id, embedding FROM faces ORDER BY id")
        return [Vector(row[0], row[1], np.frombuffer(row[2], "<f4").astype(np.float32)) for row in rows]

    def dismissed(self) -> set[int]:
        """The groups that are not to be shown."""
        return {row[0] for row in self._db.execute("SELECT id FROM groups WHERE dismissed")}

    def next_ids(self) -> tuple[int, int]:
        """The lowest ids that no face and no group ever had."""
        given = dict(self._db.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
        return int(given.get("faces", 0)) + 1, int(given.get("groups", 0)) + 1

    def holds(self, sha256: str) -> bool:
        """Whether this very picture is kept."""
        return (
            self._db.execute("SELECT 1 FROM faces WHERE sha256 = ? LIMIT 1", (sha256,)).fetchone() is not None
        )

    def add(self, faces: Sequence[NewUnknown], seen_again: Sequence[str], now: float) -> None:
        """Keep faces and make their groups; pictures with these SHA-256, kept already, count as seen now. All or nothing."""
        with transaction(self._db):
            self._db.executemany(
                "UPDATE faces SET seen_at = ? WHERE sha256 = ?", [(now, one) for one in seen_again]
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO groups (id, dismissed) VALUES (?, 0)",
                [(face.group,) for face in faces],
            )
            self._db.executemany(
                "INSERT INTO faces (id, group_id, seen_at, embedder, embedding, jpeg, sha256, landmarks, width_px, "
                "sharpness, warnings, task_id, trace_id) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
                [self._row(face) for face in faces],
            )

    def _row(self, face: NewUnknown) -> tuple[object, ...]:
        return (
            face.id, face.group, face.seen_at, self._embedder, face.embedding, face.jpeg, face.sha256,
            json.dumps(face.landmarks_px), face.width_px, face.sharpness,
            _CAUTIONS.dump_json(face.warnings).decode(), face.task_id, face.trace_id,
        )  # fmt: skip

    def expire(self, before: float, now: float) -> list[int]:
        """Delete what was seen before a time; what claims to be from the future, after the clock was set
        back, counts as seen now. The ids of the faces deleted."""
        self._db.execute("UPDATE faces SET seen_at = ? WHERE seen_at > ?", (now, now))
        gone = self._deleted("SELECT id FROM faces WHERE seen_at < ?", before)
        if self._deletions:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._deletions = 0
        return gone

    def trim(self, most: int) -> list[int]:
        """Delete the oldest faces beyond `most`, and as many of dismissed ones; the ids deleted."""
        gone: list[int] = []
        for kind in ("jpeg IS NOT NULL", "jpeg IS NULL"):
            query = f"SELECT id FROM faces WHERE {kind} ORDER BY seen_at DESC, id DESC LIMIT -1 OFFSET ?"
            gone += self._deleted(query, most)
        return gone

    def delete(self, faces: Iterable[int]) -> list[int]:
        """Delete faces; the ids of those that were there."""
        return self._deleted(
            "SELECT id FROM faces WHERE id IN (SELECT value FROM json_each(?))", json.dumps(sorted(faces))
        )

    def dismiss(self, group: int, keep: Sequence[int], now: float) -> list[int]:
        """Delete a group's pictures and all its faces but the embeddings of `keep`, which count from now on
        as a dismissed group; the ids deleted."""
        with transaction(self._db):
            self._db.execute("UPDATE groups SET dismissed = 1 WHERE id = ?", (group,))
            ids = self._db.execute("SELECT id FROM faces WHERE group_id = ?", (group,)).fetchall()
            gone = [row[0] for row in ids if row[0] not in keep]
            self._db.executemany("DELETE FROM faces WHERE id = ?", [(face,) for face in gone])
            self._db.execute(
                "UPDATE faces SET jpeg = NULL, sha256 = '', landmarks = '[]', warnings = '[]', task_id = '', "
                "trace_id = '', seen_at = ? WHERE group_id = ?",
                (now, group),
            )
        self._deletions += 1
        return gone

    def faces(self, group: int | None = None) -> list[KeptFace]:
        """The faces that may be shown, of one group or of all, oldest first."""
        rows = self._db.execute(
            "SELECT f.id, f.group_id, f.seen_at, f.width_px, f.sharpness, f.warnings, f.task_id, f.trace_id "
            "FROM faces f JOIN groups g ON g.id = f.group_id "
            "WHERE NOT g.dismissed AND (? IS NULL OR g.id = ?) ORDER BY f.seen_at, f.id",
            (group, group),
        )
        return [
            KeptFace(row[0], row[1], row[2], row[3], row[4], _CAUTIONS.validate_json(row[5]), row[6], row[7])
            for row in rows
        ]

    def picture(self, face: int) -> tuple[bytes, tuple[tuple[float, float], ...]] | None:
        """JPEG and landmarks (5, 2) in it, of a face that may be shown."""
        row = self._db.execute("SELECT jpeg, landmarks FROM faces WHERE id = ?", (face,)).fetchone()
        if row is None or row[0] is None:
            return None
        return row[0], tuple((x, y) for x, y in json.loads(row[1]))

    def with_digests(self, digests: Iterable[str]) -> list[int]:
        """The faces whose pictures have one of these SHA-256."""
        wanted = json.dumps(sorted(digests))
        query = "SELECT id FROM faces WHERE sha256 IN (SELECT value FROM json_each(?))"
        return [row[0] for row in self._db.execute(query, (wanted,))]

    def _deleted(self, query: str, *values: object) -> list[int]:
        gone = [row[0] for row in self._db.execute(query, values)]
        if gone:
            with transaction(self._db):
                self._db.executemany("DELETE FROM faces WHERE id = ?", [(face,) for face in gone])
                self._drop_empty()
            self._deletions += len(gone)
        return gone

    def _drop_empty(self) -> None:
        self._db.execute("DELETE FROM groups WHERE id NOT IN (SELECT group_id FROM faces)")
