"""Feedback on results: this face is a person (stored as a photo), or is not (a veto)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from manyeyes.errors import EntryNotFound
from manyeyes.store import gallery_history
from manyeyes.store.database import Database
from manyeyes.store.people import PeopleRepository
from manyeyes.store.timestamps import now_iso


@dataclass(frozen=True)
class FeedbackRow:
    """One piece of feedback; `id` as `is-3` or `not-4`."""

    id: str
    verdict: Literal["is", "not"]
    name: str
    file_name: str
    added_at: str


class FeedbackRepository:
    """Photos whose source is feedback, and vetoes; each change is sent to nodes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._people = PeopleRepository(database)

    def all(self) -> list[FeedbackRow]:
        """All feedback that counts, oldest first."""
        rows = self._database.read(
            "SELECT 'is-' || f.id, 'is', p.name, f.file_name, f.added_at FROM photos f "
            "JOIN people p ON p.id = f.person_id WHERE f.source = 'feedback' UNION ALL "
            "SELECT 'not-' || v.id, 'not', p.name, v.file_name, v.added_at FROM vetoes v "
            "JOIN people p ON p.id = v.person_id ORDER BY 5, 1"
        )
        return [FeedbackRow(*row) for row in rows]

    def id_of_photo(self, name: str, sha256: str) -> str:
        """The feedback id of a person's photo with this digest; '' if it is not from feedback."""
        rows = self._database.read(
            "SELECT 'is-' || f.id FROM photos f JOIN people p ON p.id = f.person_id "
            "WHERE p.name = ? AND f.sha256 = ? AND f.source = 'feedback'",
            name,
            sha256,
        )
        return str(rows[0][0]) if rows else ""

    def add_veto(self, name: str, embedder: str, embedding: bytes, file_name: str) -> str:
        """Keep a face that is not this person; returns the feedback's id.

        Args:
            embedding: raw little-endian float32.

        Raises:
            PersonNotFound: nobody of that name.
        """
        with self._database.transaction() as cursor:
            person = self._people.person(name)
            cursor.execute(
                "INSERT INTO vetoes (person_id, embedder, embedding, file_name, added_at) VALUES (?,?,?,?,?)",
                (person.id, embedder, embedding, file_name, now_iso()),
            )
            added = cursor.lastrowid
            gallery_history.note(cursor)
        return f"not-{added}"

    def undo(self, feedback_id: str) -> FeedbackRow:
        """Take a piece of feedback back; a person known by it alone is forgotten.

        Raises:
            EntryNotFound: there is none of that id.
        """
        row = next((row for row in self.all() if row.id == feedback_id), None)
        if row is None:
            raise EntryNotFound(
                f"there is no feedback {feedback_id!r}; 'manyeyes people feedback --list' lists it"
            )
        number = int(feedback_id.partition("-")[2])
        with self._database.transaction() as cursor:
            if row.verdict == "is":
                cursor.execute("DELETE FROM photos WHERE id = ?", (number,))
                cursor.execute(
                    "DELETE FROM people WHERE name = ? AND id NOT IN (SELECT person_id FROM photos)",
                    (row.name,),
                )
            else:
                cursor.execute("DELETE FROM vetoes WHERE id = ?", (number,))
            gallery_history.note(cursor)
        return row
