"""What the registry keeps about people beside their names: photos, feedback, the threshold's rule."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter

from manyeyes.errors import BadRequest, EntryNotFound, PersonNotFound
from manyeyes.recognition.arrays import Floats
from manyeyes.results import Caution
from manyeyes.store.database import Registry, now_iso

_RULE_KEY = "threshold_rule"
_CAUTIONS = TypeAdapter(tuple[Caution, ...])
_BLOCK_ROWS = 50_000
Read = Callable[..., list[tuple[Any, ...]]]
"""A query and its values to its rows."""


@dataclass(frozen=True)
class PhotoRow:
    """An enrolled photo as an operator sees it."""

    id: int
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


@dataclass(frozen=True)
class FeedbackRow:
    """One piece of feedback; `id` as `is-3` or `not-4`."""

    id: str
    verdict: Literal["is", "not"]
    name: str
    file_name: str
    added_at: str


@dataclass(frozen=True)
class Block:
    """Enrolled photos of one embedder: n ids, person ids, names, file names; embeddings float32 (n, d)."""

    photo_ids: list[int]
    person_ids: list[int]
    names: list[str]
    file_names: list[str]
    embeddings: Floats


class Records:
    """Reads and changes the registry's people; every change that nodes must know of is counted."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    # photos

    def photos(self, name: str) -> list[PhotoRow]:
        """The photos of a person, oldest first, each once whatever embedders enrolled it."""
        rows = self._registry.read(
            "SELECT MIN(f.id), f.file_name, f.source, f.added_at, f.warnings, MAX(f.chip IS NOT NULL) FROM photos f "
            "JOIN people p ON p.id = f.person_id WHERE p.name = ? GROUP BY f.sha256 ORDER BY 1",
            name,
        )
        return [
            PhotoRow(row[0], row[1], row[2], row[3], _CAUTIONS.validate_json(row[4]), bool(row[5]))
            for row in rows
        ]

    def photo_counts(self, embedder: str) -> dict[int, int]:
        """How many people have how many photos of this embedder: {photos: people}."""
        return photo_counts(self._registry.read, embedder)

    def remove_photo(self, name: str, photo_id: int) -> None:
        """Forget one photo.

        Raises:
            EntryNotFound: the person has no such photo.
            BadRequest: it is their last one.
        """
        photos = self.photos(name)
        if photo_id not in {photo.id for photo in photos}:
            raise EntryNotFound(f"{name!r} has no photo {photo_id}; 'manyeyes people show' lists them")
        if len(photos) == 1:
            raise BadRequest(
                f"photo {photo_id} is the last one of {name!r}; add a better one first, "
                "or forget the person with 'manyeyes people remove'"
            )
        with self._registry.transaction() as cursor:
            cursor.execute(
                "DELETE FROM photos WHERE (person_id, sha256) IN "
                "(SELECT person_id, sha256 FROM photos WHERE id = ?)",
                (photo_id,),
            )

    def photo_ids(self, name: str) -> dict[str, int]:
        """The id of each photo of a person, as `photos` lists it, by SHA-256."""
        rows = self._registry.read(
            "SELECT f.sha256, MIN(f.id) FROM photos f JOIN people p ON p.id = f.person_id "
            "WHERE p.name = ? GROUP BY f.sha256",
            name,
        )
        return {row[0]: int(row[1]) for row in rows}

    def merge(self, name: str, into: str) -> None:
        """Give all photos and feedback of one person to another and forget the first name.

        A photo that both have counts once. A face that was said not to be one of both, and is a photo of the
        other, is a photo from now on: who merges two names says that they are one person.

        Raises:
            PersonNotFound: nobody of one of the names.
            BadRequest: both are the same.
        """
        ids = {self._registry.person(one).name: 0 for one in (name, into)}
        if len(ids) == 1:
            raise BadRequest(f"{name!r} cannot be merged into itself; name somebody else")
        with self._registry.transaction() as cursor:
            for one in ids:
                (ids[one],) = cursor.execute("SELECT id FROM people WHERE name = ?", (one,)).fetchone()
            pair = (ids[into], ids[name])
            cursor.execute("UPDATE OR IGNORE photos SET person_id = ? WHERE person_id = ?", pair)
            cursor.execute("UPDATE vetoes SET person_id = ? WHERE person_id = ?", pair)
            cursor.execute("DELETE FROM people WHERE id = ?", (ids[name],))  # with photos that both have
            cursor.execute(
                "DELETE FROM vetoes WHERE person_id = ?1 AND (embedder, embedding) IN "
                "(SELECT embedder, embedding FROM photos WHERE person_id = ?1)",
                (ids[into],),
            )
            rows = cursor.execute(
                "SELECT id, warnings FROM photos WHERE person_id = ?", (ids[into],)
            ).fetchall()
            cursor.executemany(
                "UPDATE photos SET warnings = ? WHERE id = ?", list(_settled(rows, {name, into}))
            )
            self._registry.gallery_changed(cursor)

    # what may be shown

    def picture(self, photo_id: int) -> bytes | None:
        """The portrait kept of a photo, whichever embedder's row has it; None where there is none."""
        rows = self._registry.read(
            "SELECT g.chip FROM photos f JOIN photos g ON g.person_id = f.person_id AND g.sha256 = f.sha256 "
            "WHERE f.id = ? AND g.chip IS NOT NULL LIMIT 1",
            photo_id,
        )
        return bytes(rows[0][0]) if rows else None

    def best_picture(self, name: str) -> bytes | None:
        """The portrait to show of a person: the one with the fewest warnings, then the largest."""
        rows = self._registry.read(
            "SELECT f.chip FROM photos f JOIN people p ON p.id = f.person_id WHERE p.name = ? "
            "AND f.chip IS NOT NULL ORDER BY json_array_length(f.warnings), LENGTH(f.chip) DESC, f.id LIMIT 1",
            name,
        )
        return bytes(rows[0][0]) if rows else None

    # embedding again

    def photos_to_embed(self, embedder: str) -> list[int]:
        """Ids of the photos with a portrait that this embedder has not embedded yet, oldest first."""
        rows = self._registry.read(
            "SELECT MAX(f.id) FROM photos f WHERE f.chip IS NOT NULL AND NOT EXISTS (SELECT 1 FROM photos g "
            "WHERE g.person_id = f.person_id AND g.sha256 = f.sha256 AND g.embedder = ?) "
            "GROUP BY f.person_id, f.sha256 ORDER BY 1",
            embedder,
        )
        return [int(row[0]) for row in rows]

    def portrait(self, photo_id: int) -> Portrait | None:
        """What was kept of a photo, None where it was removed meanwhile."""
        rows = self._registry.read("SELECT chip, landmarks, file_name FROM photos WHERE id = ?", photo_id)
        if not rows or rows[0][0] is None:
            return None
        content, landmarks, file_name = rows[0]
        return Portrait(photo_id, content, tuple((x, y) for x, y in json.loads(landmarks)), file_name)

    def add_embedding(self, photo_id: int, embedder: str, embedding: Floats) -> bool:
        """Keep what another embedder made of a photo; False where the photo was removed meanwhile."""
        with self._registry.transaction() as cursor:
            cursor.execute(
                "INSERT OR IGNORE INTO photos (person_id, sha256, embedder, embedding, added_at, file_name, "
                "source, warnings) SELECT person_id, sha256, ?, ?, added_at, file_name, source, warnings "
                "FROM photos WHERE id = ?",
                (embedder, embedding.astype("<f4").tobytes(), photo_id),
            )
            return cursor.rowcount > 0

    # feedback

    def add_veto(self, name: str, embedder: str, embedding: Floats, file_name: str) -> str:
        """Keep a face that is not this person; returns the feedback's id.

        Raises:
            PersonNotFound: nobody of that name.
        """
        with self._registry.transaction() as cursor:
            row = cursor.execute("SELECT id FROM people WHERE name = ?", (name,)).fetchone()
            if row is None:
                raise PersonNotFound(f"nobody is enrolled as {name!r}; 'manyeyes people list' shows who is")
            cursor.execute(
                "INSERT INTO vetoes (person_id, embedder, embedding, file_name, added_at) VALUES (?,?,?,?,?)",
                (row[0], embedder, embedding.astype("<f4").tobytes(), file_name, now_iso()),
            )
            added = cursor.lastrowid
            self._registry.gallery_changed(cursor)
        return f"not-{added}"

    def feedback(self) -> list[FeedbackRow]:
        """All feedback that counts, oldest first."""
        rows = self._registry.read(
            "SELECT 'is-' || f.id, 'is', p.name, f.file_name, f.added_at FROM photos f "
            "JOIN people p ON p.id = f.person_id WHERE f.source = 'feedback' UNION ALL "
            "SELECT 'not-' || v.id, 'not', p.name, v.file_name, v.added_at FROM vetoes v "
            "JOIN people p ON p.id = v.person_id ORDER BY 5, 1"
        )
        return [FeedbackRow(*row) for row in rows]

    def photo_id(self, name: str, sha256: str) -> str:
        """The feedback id of the photo with this digest; '' where it is not from feedback."""
        rows = self._registry.read(
            "SELECT 'is-' || f.id FROM photos f JOIN people p ON p.id = f.person_id "
            "WHERE p.name = ? AND f.sha256 = ? AND f.source = 'feedback'",
            name,
            sha256,
        )
        return str(rows[0][0]) if rows else ""

    def undo(self, feedback_id: str) -> FeedbackRow:
        """Take a piece of feedback back; a person known by it alone is forgotten.

        Raises:
            EntryNotFound: there is none of that id.
        """
        row = next((row for row in self.feedback() if row.id == feedback_id), None)
        if row is None:
            raise EntryNotFound(
                f"there is no feedback {feedback_id!r}; 'manyeyes people feedback --list' shows what there is"
            )
        number = int(feedback_id.partition("-")[2])
        with self._registry.transaction() as cursor:
            if row.verdict == "is":
                cursor.execute("DELETE FROM photos WHERE id = ?", (number,))
                cursor.execute(
                    "DELETE FROM people WHERE name = ? AND id NOT IN (SELECT person_id FROM photos)",
                    (row.name,),
                )
            else:
                cursor.execute("DELETE FROM vetoes WHERE id = ?", (number,))
            self._registry.gallery_changed(cursor)
        return row

    # the threshold's rule

    def rule(self) -> dict[str, object] | None:
        """The rule as it was stored, None for the default."""
        return stored_rule(self._registry.read)

    def set_rule(self, rule: dict[str, object] | None) -> None:
        """Store a rule; None returns to the default."""
        with self._registry.transaction() as cursor:
            cursor.execute("DELETE FROM meta WHERE key = ?", (_RULE_KEY,))
            if rule is not None:
                cursor.execute("INSERT INTO meta VALUES (?, ?)", (_RULE_KEY, json.dumps(rule)))
            self._registry.gallery_changed(cursor)


def _settled(rows: Iterable[tuple[int, str]], merged: set[str]) -> Iterator[tuple[str, int]]:
    """(warnings, photo id) of the photos that were said to look like somebody who is their own person now."""
    for photo_id, text in rows:
        warnings = json.loads(text)
        left = [
            one
            for one in warnings
            if one["kind"] != "same-face" or not one.get("people") or not set(one["people"]) <= merged
        ]
        if len(left) < len(warnings):
            yield json.dumps(left), photo_id


def photo_counts(read: Read, embedder: str) -> dict[int, int]:
    """How many people have how many photos of this embedder: {photos: people}."""
    rows = read(
        "SELECT n, COUNT(*) FROM (SELECT COUNT(*) AS n FROM photos WHERE embedder = ? GROUP BY person_id) "
        "GROUP BY n",
        embedder,
    )
    return {int(count): int(people) for count, people in rows}


def stored_rule(read: Read) -> dict[str, object] | None:
    """The threshold's rule as it was stored, None for the default."""
    rows = read("SELECT value FROM meta WHERE key = ?", _RULE_KEY)
    return dict(json.loads(rows[0][0])) if rows else None


def read_blocks(path: Path, embedder: str) -> Iterator[Block]:
    """All enrolled photos, some ten thousand at a time, over a connection of its own: for threads."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        cursor = db.execute(
            "SELECT f.id, p.id, p.name, f.file_name, f.embedding FROM photos f "
            "JOIN people p ON p.id = f.person_id WHERE f.embedder = ? ORDER BY f.id",
            (embedder,),
        )
        while rows := cursor.fetchmany(_BLOCK_ROWS):
            photo_ids, person_ids, names, file_names, raw = map(list, zip(*rows, strict=True))
            embeddings = np.frombuffer(b"".join(raw), "<f4").astype(np.float32).reshape(len(rows), -1)
            yield Block(photo_ids, person_ids, names, file_names, embeddings)
    finally:
        db.close()
