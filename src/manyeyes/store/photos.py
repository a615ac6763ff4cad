"""The enrolled photos: what an operator sees of them, their portraits, and what each embedder made of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from manyeyes.errors import BadRequest, EntryNotFound
from manyeyes.person_names import name_key
from manyeyes.results import Caution
from manyeyes.store.database import Database
from manyeyes.store.people import PeopleRepository
from manyeyes.store.timestamps import now_iso

_CAUTIONS = TypeAdapter(tuple[Caution, ...])


@dataclass(frozen=True)
class Photo:
    """A photo to enrol: raw little-endian float32 embedding."""

    sha256: str
    embedding: bytes
    file_name: str = ""
    source: str = "enrolled"
    """`enrolled`; `feedback` for a face that `people feedback --is` added; `kept` for an unknown face that was named."""
    warnings: tuple[Caution, ...] = ()
    portrait: bytes | None = None
    portrait_landmarks_px: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class PhotoRow:
    """An enrolled photo as an operator sees it."""

    id: int
    sha256: str
    file_name: str
    source: str
    added_at: str
    warnings: tuple[Caution, ...]
    has_image: bool
    """Whether a portrait was kept; there is none of a face from feedback, or of a photo enrolled with 0.1."""


@dataclass(frozen=True)
class Portrait:
    """The face of an enrolled photo, kept for other embedders; landmarks (5, 2) px in it."""

    photo_id: int
    content: bytes
    landmarks_px: tuple[tuple[float, float], ...]
    file_name: str


class PhotoRepository:
    """The rows of photos: one for each embedder, counted as one photo. Triggers record each change for the nodes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._people = PeopleRepository(database)

    def enrol(self, name: str, embedder: str, photos: list[Photo]) -> None:
        """Add photos under a name, known or new; the same photo twice counts once.

        Raises:
            PersonNotFound: as `PeopleRepository.find`.
        """
        known = self._people.find(name)
        with self._database.transaction() as cursor:
            if known is None:
                cursor.execute(
                    "INSERT INTO people (id, name, name_key, added_at) SELECT id + 1, ?, ?, ? FROM last_person_id",
                    (name, name_key(name), now_iso()),
                )
            person_id = known.id if known else cursor.lastrowid
            cursor.executemany(
                "INSERT OR IGNORE INTO photos (person_id, sha256, embedder, embedding, added_at, file_name, "
                "source, warnings, chip, landmarks) VALUES (?,?,?,?,?,?,?,?,?,?)",
                [_photo_row(person_id, embedder, photo) for photo in photos],
            )

    def of_person(self, name: str) -> list[PhotoRow]:
        """The photos of a person, oldest first, each once whatever embedders enrolled it."""
        rows = self._database.read(
            "SELECT MIN(f.id), f.sha256, f.file_name, f.source, f.added_at, f.warnings, MAX(f.chip IS NOT NULL) "
            "FROM photos f "
            "JOIN people p ON p.id = f.person_id WHERE p.name = ? GROUP BY f.sha256 ORDER BY 1",
            name,
        )
        return [
            PhotoRow(row[0], row[1], row[2], row[3], row[4], _CAUTIONS.validate_json(row[5]), bool(row[6]))
            for row in rows
        ]

    def ids_by_digest(self, name: str) -> dict[str, int]:
        """The id of each photo of a person, as `of_person` lists it, by SHA-256."""
        rows = self._database.read(
            "SELECT f.sha256, MIN(f.id) FROM photos f JOIN people p ON p.id = f.person_id "
            "WHERE p.name = ? GROUP BY f.sha256",
            name,
        )
        return {row[0]: int(row[1]) for row in rows}

    def digests_of_named(self) -> set[str]:
        """SHA-256 of the pictures of unknown faces that were given a name."""
        return {row[0] for row in self._database.read("SELECT sha256 FROM photos WHERE source = 'kept'")}

    def remove(self, name: str, photo_id: int) -> None:
        """Forget one photo, with what every embedder made of it.

        Raises:
            EntryNotFound: the person has no such photo.
            BadRequest: it is their last one.
        """
        photos = self.of_person(name)
        if photo_id not in {photo.id for photo in photos}:
            raise EntryNotFound(f"{name!r} has no photo {photo_id}; 'manyeyes people show' lists them")
        if len(photos) == 1:
            raise BadRequest(
                f"photo {photo_id} is the last one of {name!r}; add a better one first, "
                "or delete the person with 'manyeyes people remove'"
            )
        with self._database.transaction() as cursor:
            cursor.execute(
                "DELETE FROM photos WHERE (person_id, sha256) IN "
                "(SELECT person_id, sha256 FROM photos WHERE id = ?)",
                (photo_id,),
            )

    # what may be shown

    def picture(self, photo_id: int) -> bytes | None:
        """The portrait kept of a photo, whichever embedder's row has it; None if there is none."""
        rows = self._database.read(
            "SELECT g.chip FROM photos f JOIN photos g ON g.person_id = f.person_id AND g.sha256 = f.sha256 "
            "WHERE f.id = ? AND g.chip IS NOT NULL LIMIT 1",
            photo_id,
        )
        return bytes(rows[0][0]) if rows else None

    def best_picture(self, name: str) -> bytes | None:
        """The portrait to show of a person: the one with the fewest warnings, then the largest."""
        rows = self._database.read(
            "SELECT f.chip FROM photos f JOIN people p ON p.id = f.person_id WHERE p.name = ? "
            "AND f.chip IS NOT NULL ORDER BY json_array_length(f.warnings), LENGTH(f.chip) DESC, f.id LIMIT 1",
            name,
        )
        return bytes(rows[0][0]) if rows else None

    # embedding again

    def to_embed(self, embedder: str) -> list[int]:
        """Ids of the photos with a portrait that this embedder has not embedded yet, oldest first."""
        rows = self._database.read(
            "SELECT MAX(f.id) FROM photos f WHERE f.chip IS NOT NULL AND NOT EXISTS (SELECT 1 FROM photos g "
            "WHERE g.person_id = f.person_id AND g.sha256 = f.sha256 AND g.embedder = ?) "
            "GROUP BY f.person_id, f.sha256 ORDER BY 1",
            embedder,
        )
        return [int(row[0]) for row in rows]

    def portrait(self, photo_id: int) -> Portrait | None:
        """What was kept of a photo, None if it was removed meanwhile."""
        rows = self._database.read("SELECT chip, landmarks, file_name FROM photos WHERE id = ?", photo_id)
        if not rows or rows[0][0] is None:
            return None
        content, landmarks, file_name = rows[0]
        return Portrait(photo_id, content, tuple((x, y) for x, y in json.loads(landmarks)), file_name)

    def add_embedding(self, photo_id: int, embedder: str, embedding: bytes) -> bool:
        """Keep what another embedder made of a photo; False if the photo was removed meanwhile.

        Args:
            embedding: raw little-endian float32.
        """
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT OR IGNORE INTO photos (person_id, sha256, embedder, embedding, added_at, file_name, "
                "source, warnings, merge_id) "
                "SELECT person_id, sha256, ?, ?, added_at, file_name, source, warnings, merge_id "
                "FROM photos WHERE id = ?",
                (embedder, embedding, photo_id),
            )
            return cursor.rowcount > 0

    def rename_embedders(self, renamed: dict[str, str]) -> None:
        """Keep photos under their embedder's new key, old to new."""
        with self._database.transaction() as cursor:
            cursor.executemany(
                "UPDATE photos SET embedder = ? WHERE embedder = ?",
                [(new, old) for old, new in renamed.items()],
            )


def _photo_row(person_id: int | None, embedder: str, photo: Photo) -> tuple[Any, ...]:
    warnings = json.dumps([warning.model_dump(exclude_defaults=True) for warning in photo.warnings])
    landmarks = json.dumps(photo.portrait_landmarks_px) if photo.portrait else None
    return (
        person_id, photo.sha256, embedder, photo.embedding, now_iso(), photo.file_name, photo.source,
        warnings, photo.portrait, landmarks,
    )  # fmt: skip
