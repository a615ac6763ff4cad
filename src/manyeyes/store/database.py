"""What a master remembers over restarts: nodes, tokens, API keys, people; one SQLite file.

Every change is one transaction, synced before the call returns: a kill leaves the old or the new state.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from manyeyes.contract import Desired, HostFacts
from manyeyes.errors import DataFolderUnusable, PersonExists, PersonNotFound
from manyeyes.results import Caution
from manyeyes.store import gallery_history
from manyeyes.store.schema import migrate


def now_iso() -> str:
    """This moment, ISO 8601 in UTC, seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class NodeCounts(NamedTuple):
    """What a node has done."""

    last_seen: str
    done: int
    failed: int


@dataclass(frozen=True)
class NodeRow:
    """A registered node."""

    name: str
    public_nkey: str
    token_id: str
    host: HostFacts
    first_seen: str
    last_seen: str
    done: int
    failed: int
    fingerprint: str = ""
    approved: bool = True
    desired: Desired = ""


@dataclass(frozen=True)
class TokenRow:
    """A join token, without its secret."""

    token_id: str
    public_nkey: str
    expires_at: int
    approve: bool = False
    """Whether nodes that join with it wait for a person's approval."""


@dataclass(frozen=True)
class Person:
    """An enrolled person."""

    name: str
    photos: int
    added_at: str


@dataclass(frozen=True)
class Photo:
    """An enrolled photo: raw little-endian float32 embedding."""

    sha256: str
    embedding: bytes
    file_name: str = ""
    source: str = "enrolled"
    """`enrolled`, or `feedback` for a face that `people feedback --is` added."""
    warnings: tuple[Caution, ...] = ()
    portrait: bytes | None = None
    portrait_landmarks_px: tuple[tuple[float, float], ...] = ()


class Registry:
    """The SQLite file.

    Raises:
        DataFolderUnusable: the file is no registry or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA foreign_keys=ON")
            migrate(self._db)
            gallery_history.prepare(self._db)
            path.chmod(0o600)
        except sqlite3.Error as error:
            raise DataFolderUnusable(
                f"cannot use the registry {path}: {error}; restore it from a copy or choose another --data folder"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Cursor]:
        """All changes made with the cursor, or none."""
        cursor = self._db.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield cursor
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")

    def read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self._db.execute(query, values).fetchall()

    @property
    def changes(self) -> int:
        """Rises with every row that is written; while it stays, all that was read still holds."""
        return self._db.total_changes

    # nodes

    def nodes(self) -> list[NodeRow]:
        """All nodes, by name."""
        rows = self._db.execute(
            "SELECT name, public_nkey, token_id, host, first_seen, last_seen, done, failed, fingerprint, "
            "approved, wish FROM nodes ORDER BY name"
        )
        return [
            NodeRow(
                name=r[0],
                public_nkey=r[1],
                token_id=r[2],
                host=HostFacts.model_validate_json(r[3]),
                first_seen=r[4],
                last_seen=r[5],
                done=r[6],
                failed=r[7],
                fingerprint=r[8],
                approved=bool(r[9]),
                desired=r[10],
            )
            for r in rows
        ]

    def counts_of_nodes(self) -> dict[str, NodeCounts]:
        """Of each node what `seen_nodes` recorded."""
        rows = self._db.execute("SELECT name, last_seen, done, failed FROM nodes")
        return {name: NodeCounts(*counts) for name, *counts in rows}

    def add_node(
        self,
        name: str,
        public_nkey: str,
        token_id: str,
        host: HostFacts,
        *,
        fingerprint: str = "",
        approved: bool = True,
    ) -> None:
        """Record a node's first time."""
        with self.transaction() as cursor:
            cursor.execute(
                "INSERT INTO nodes (name, public_nkey, token_id, host, first_seen, last_seen, fingerprint, approved) "
                "VALUES (?,?,?,?,?,?,?,?)",
                (
                    name, public_nkey, token_id, host.model_dump_json(), now_iso(), now_iso(),
                    fingerprint, approved,
                ),
            )  # fmt: skip

    def seen_nodes(self, seen: dict[str, tuple[str, int, int]]) -> None:
        """Record for each node: last seen, pictures done and failed since the last record."""
        with self.transaction() as cursor:
            cursor.executemany(
                "UPDATE nodes SET last_seen = ?, done = done + ?, failed = failed + ? WHERE name = ?",
                [(last_seen, done, failed, name) for name, (last_seen, done, failed) in seen.items()],
            )

    # join tokens

    def tokens(self) -> list[TokenRow]:
        """All tokens that were not forgotten yet."""
        return [
            TokenRow(row[0], row[1], row[2], bool(row[3]))
            for row in self._db.execute("SELECT token_id, public_nkey, expires_at, approve FROM tokens")
        ]

    def add_token(self, token: TokenRow) -> None:
        """Record a token."""
        with self.transaction() as cursor:
            cursor.execute(
                "INSERT INTO tokens (token_id, public_nkey, expires_at, approve) VALUES (?,?,?,?)",
                (token.token_id, token.public_nkey, token.expires_at, token.approve),
            )

    # API keys

    def add_api_key(self, key_hash: str, name: str, role: str) -> None:
        """Record an API key's hash."""
        with self.transaction() as cursor:
            cursor.execute("INSERT INTO api_keys VALUES (?,?,?,?)", (key_hash, name, role, now_iso()))

    # people

    @property
    def gallery_version(self) -> int:
        """Rises with every change of people."""
        return gallery_history.newest(self._db)[0]

    def gallery_changed(self, cursor: sqlite3.Cursor) -> None:
        """Note a change that touches no photo and no name; those note themselves."""
        gallery_history.note(cursor)

    def people(self) -> list[Person]:
        """All people, by name."""
        rows = self._db.execute(
            "SELECT p.name, COUNT(DISTINCT f.sha256), p.added_at FROM people p LEFT JOIN photos f ON f.person_id = p.id "
            "GROUP BY p.id ORDER BY p.name"
        )
        return [Person(*row) for row in rows]

    def person(self, name: str) -> Person:
        """One person.

        Raises:
            PersonNotFound: nobody of that name.
        """
        row = self._db.execute(
            "SELECT p.name, COUNT(DISTINCT f.sha256), p.added_at FROM people p "
            "LEFT JOIN photos f ON f.person_id = p.id WHERE p.name = ? GROUP BY p.id",
            (name,),
        ).fetchone()
        if row is None:
            raise PersonNotFound(f"nobody is enrolled as {name!r}; 'manyeyes people list' shows who is")
        return Person(*row)

    @property
    def people_count(self) -> int:
        """How many people are enrolled."""
        (count,) = self._db.execute("SELECT COUNT(*) FROM people").fetchone()
        return int(count)

    def add_photos(self, name: str, embedder: str, photos: list[Photo]) -> Person:
        """Enrol photos under a name, known or new; the same photo twice counts once."""
        with self.transaction() as cursor:
            cursor.execute("INSERT OR IGNORE INTO people (name, added_at) VALUES (?, ?)", (name, now_iso()))
            (person_id,) = cursor.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
            cursor.executemany(
                "INSERT OR IGNORE INTO photos (person_id, sha256, embedder, embedding, added_at, file_name, "
                "source, warnings, chip, landmarks) VALUES (?,?,?,?,?,?,?,?,?,?)",
                [_photo_row(person_id, embedder, photo) for photo in photos],
            )
        return self.person(name)

    def rename_person(self, name: str, new: str) -> Person:
        """Give a person another name.

        Raises:
            PersonNotFound: nobody of that name.
            PersonExists: the new name is taken.
        """
        self.person(name)
        try:
            with self.transaction() as cursor:
                cursor.execute("UPDATE people SET name = ? WHERE name = ?", (new, name))
        except sqlite3.IntegrityError as error:
            raise PersonExists(f"somebody is enrolled as {new!r} already; choose another name") from error
        return self.person(new)

    def remove_person(self, name: str) -> None:
        """Forget a person and all their photos' embeddings.

        Raises:
            PersonNotFound: nobody of that name.
        """
        self.person(name)
        with self.transaction() as cursor:
            cursor.execute("DELETE FROM people WHERE name = ?", (name,))

    def embedding_numbers(self, embedder: str) -> int:
        """How many numbers an enrolled embedding of this embedder has; 0 while there is none."""
        rows = self.read("SELECT LENGTH(embedding) / 4 FROM photos WHERE embedder = ? LIMIT 1", embedder)
        return int(rows[0][0]) if rows else 0

    def rename_embedders(self, renamed: dict[str, str]) -> None:
        """Keep photos under the embedder's new key, old to new."""
        with self.transaction() as cursor:
            cursor.executemany(
                "UPDATE photos SET embedder = ? WHERE embedder = ?",
                [(new, old) for old, new in renamed.items()],
            )

    def serve_embedder(self, embedder: str) -> None:
        """Note whose gallery is served from now on: another one's than before is a change that nodes must hear of."""
        with self.transaction() as cursor:
            row = cursor.execute("SELECT value FROM meta WHERE key = 'embedder'").fetchone()
            if row is None or row[0] != embedder:
                cursor.execute("INSERT OR REPLACE INTO meta VALUES ('embedder', ?)", (embedder,))
                self.gallery_changed(cursor)

    def photos_of_others(self, embedder: str) -> int:
        """How many photos only other embedders enrolled: they are kept, and nobody is compared with them."""
        row = self._db.execute(
            "SELECT COUNT(*) FROM (SELECT person_id, sha256 FROM photos GROUP BY person_id, sha256 "
            "HAVING SUM(embedder = ?) = 0)",
            (embedder,),
        ).fetchone()
        return int(row[0])


def _photo_row(person_id: int, embedder: str, photo: Photo) -> tuple[Any, ...]:
    warnings = json.dumps([warning.model_dump(exclude_defaults=True) for warning in photo.warnings])
    landmarks = json.dumps(photo.portrait_landmarks_px) if photo.portrait else None
    return (
        person_id, photo.sha256, embedder, photo.embedding, now_iso(), photo.file_name, photo.source,
        warnings, photo.portrait, landmarks,
    )  # fmt: skip
