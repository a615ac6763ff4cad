"""The gallery as a whole: its version, its size for an embedder, and reading it in other threads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from manyeyes.store import gallery_history
from manyeyes.store.database import Database
from manyeyes.store.gallery_view import Block, GalleryView, photo_counts


@dataclass(frozen=True)
class GallerySize:
    """How many people are enrolled, and how many photos one embedder has of them."""

    people: int
    photos: int


class GalleryReader:
    """Reads the gallery over connections of its own: for any thread."""

    def __init__(self, path: Path) -> None:
        self._uri = f"{path.absolute().as_uri()}?mode=ro"

    @contextmanager
    def opened(self, embedder: str) -> Iterator[GalleryView]:
        """What is enrolled for an embedder now; it stays the same while this is open."""
        with closing(sqlite3.connect(self._uri, uri=True, isolation_level=None)) as db:
            db.execute("BEGIN")
            yield GalleryView(db, embedder)

    def blocks(self, embedder: str) -> Iterator[Block]:
        """All enrolled photos, some ten thousand at a time."""
        with self.opened(embedder) as view:
            yield from view.blocks()


class GalleryRepository:
    """Which photos are compared with the faces in pictures: those of the embedder in use."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reader = GalleryReader(database.path)

    @property
    def version(self) -> int:
        """Rises with every change of people, photos, feedback and threshold."""
        return gallery_history.newest(self._database.read)[0]

    def size(self, embedder: str) -> GallerySize:
        """How large it is."""
        ((people,),) = self._database.read("SELECT COUNT(*) FROM people")
        ((photos,),) = self._database.read("SELECT COUNT(*) FROM photos WHERE embedder = ?", embedder)
        return GallerySize(int(people), int(photos))

    def photo_counts(self, embedder: str) -> dict[int, int]:
        """How many people have how many photos: {photos: people}."""
        return photo_counts(self._database.read, embedder)

    def embedding_numbers(self, embedder: str) -> int:
        """How many numbers an embedding has; 0 while there is none."""
        rows = self._database.read(
            "SELECT LENGTH(embedding) / 4 FROM photos WHERE embedder = ? LIMIT 1", embedder
        )
        return int(rows[0][0]) if rows else 0

    def photos_of_others(self, embedder: str) -> int:
        """How many photos only other embedders enrolled: they are kept, and nobody is compared with them."""
        rows = self._database.read(
            "SELECT COUNT(*) FROM (SELECT person_id, sha256 FROM photos GROUP BY person_id, sha256 "
            "HAVING SUM(embedder = ?) = 0)",
            embedder,
        )
        return int(rows[0][0])

    def serve_embedder(self, embedder: str) -> None:
        """Note whose gallery is served from now on: another one's than before is a change that must be sent to nodes."""
        with self._database.transaction() as cursor:
            row = cursor.execute("SELECT value FROM meta WHERE key = 'embedder'").fetchone()
            if row is None or row[0] != embedder:
                cursor.execute("INSERT OR REPLACE INTO meta VALUES ('embedder', ?)", (embedder,))
                gallery_history.note(cursor)
