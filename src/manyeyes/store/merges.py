"""Merges of two people, and what is kept of each so that it can be undone.

A photo or a veto that a merge moved carries the merge's id, so that photos added later stay where they are. What a merge
deleted lies in tables of its own, until the merge is forgotten. A person who was merged may be merged again: a merge
that is taken along by another one is `within` it.
"""

from __future__ import annotations

import json
import shlex
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from manyeyes.errors import BadRequest, EntryNotFound, PersonExists
from manyeyes.person_names import name_key
from manyeyes.store import gallery_history
from manyeyes.store.database import Database
from manyeyes.store.people import PeopleRepository
from manyeyes.store.timestamps import now_iso

_PHOTO = "sha256, embedder, embedding, added_at, file_name, source, warnings, chip, landmarks"
_VETO = "embedder, embedding, file_name, added_at"

_FAMILY = "WITH RECURSIVE family(id) AS (SELECT :merge UNION SELECT m.id FROM merges m JOIN family ON m.within = family.id) "
"""A merge, and those that it took along."""
_KEPT_ID = "CASE WHEN merge_id IN (SELECT id FROM merges) THEN merge_id ELSE :merge END"
_LATER_ID = "CASE WHEN merge_id = :merge THEN NULL ELSE merge_id END"


@dataclass(frozen=True)
class MergeRow:
    """A merge that can be undone."""

    id: int
    name: str
    """The name that was given up."""
    into: str
    """Who has the photos now."""
    merged_at: str
    person_id: int
    into_id: int


class MergeRepository:
    """Merges people and undoes it. Triggers record each change of photos for the nodes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._people = PeopleRepository(database)

    def all(self) -> list[MergeRow]:
        """All that can be undone, oldest first."""
        rows = self._database.read(
            "SELECT m.id, m.name, p.name, m.merged_at, m.person_id, m.into_id FROM merges m "
            "JOIN people p ON p.id = m.into_id ORDER BY m.id"
        )
        return [MergeRow(*row) for row in rows]

    def one(self, merge_id: int) -> MergeRow:
        """One that can be undone.

        Raises:
            EntryNotFound: there is none of that id.
        """
        found = next((row for row in self.all() if row.id == merge_id), None)
        if found is None:
            raise EntryNotFound(
                f"there is no merge {merge_id} that can be undone; 'manyeyes people merge --list' shows which can"
            )
        return found

    def merge(self, name: str, into: str) -> MergeRow:
        """Move all photos and feedback of one person to another and delete the first name.

        A photo that both have counts once. A face that was said not to be one of both, and is a photo of the
        other, is a photo from now on: who merges two names says that they are one person.

        Raises:
            PersonNotFound: nobody of one of the names.
            BadRequest: both are the same.
        """
        gone, stays = self._people.person(name), self._people.person(into)
        if gone.id == stays.id:
            raise BadRequest(f"{name!r} cannot be merged into itself; name somebody else")
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO merges (merged_at, person_id, name, added_at, into_id) VALUES (?,?,?,?,?)",
                (now_iso(), gone.id, gone.name, gone.added_at, stays.id),
            )
            ids = {"merge": cursor.lastrowid, "gone": gone.id, "stays": stays.id}
            cursor.execute("UPDATE merges SET within = :merge WHERE into_id = :gone AND within IS NULL", ids)
            cursor.execute("UPDATE merges SET into_id = :stays WHERE into_id = :gone", ids)
            _move_photos(cursor, ids)
            _move_vetoes(cursor, ids)
            cursor.execute("DELETE FROM people WHERE id = :gone", ids)  # with photos that both have
            _settle_warnings(cursor, ids, {gone.name, stays.name})
            gallery_history.note(cursor)
        return self.one(int(ids["merge"] or 0))

    def undo(self, merge_id: int) -> MergeRow:
        """Give the name back, with its photos and feedback, except those that were removed since.

        Raises:
            EntryNotFound: there is no such merge, or it was undone or forgotten.
            PersonExists: somebody else has the name by now.
            BadRequest: one of both would have no photo.
        """
        row = self.one(merge_id)
        ids = {"merge": row.id, "gone": row.person_id, "stays": row.into_id}
        with self._database.transaction() as cursor:
            same = "SELECT name FROM people WHERE name = ? OR (name_key = ? AND id != ?)"
            if other := cursor.execute(same, (row.name, name_key(row.name), row.into_id)).fetchone():
                raise PersonExists(
                    f"somebody else is enrolled as {other[0]!r} by now; give them another name: "
                    f"'manyeyes people rename {shlex.quote(other[0])} NEW', then undo the merge again"
                )
            cursor.execute(
                "INSERT INTO people (id, name, name_key, added_at) "
                "SELECT person_id, name, :key, added_at FROM merges WHERE id = :merge",
                {**ids, "key": name_key(row.name)},
            )
            _give_back(cursor, ids)
            for person_id, name, way_out in (
                (row.person_id, row.name, "there is nothing to give back; to enrol them anew"),
                (row.into_id, row.into, "first"),
            ):
                if not cursor.execute("SELECT 1 FROM photos WHERE person_id = ?", (person_id,)).fetchone():
                    raise BadRequest(
                        f"{name!r} would have no photo: all of theirs were removed since the merge; "
                        f"{way_out}: 'manyeyes people add {shlex.quote(name)} PHOTO...'"
                    )
            cursor.execute("UPDATE merges SET within = NULL WHERE within = :merge", ids)
            cursor.execute("DELETE FROM merges WHERE id = :merge", ids)
            gallery_history.note(cursor)
        return row

    def forget(self, before: str) -> int:
        """Forget the merges of before a moment, ISO 8601 in UTC: they cannot be undone any more. Returns how many."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM merges WHERE merged_at < ?", (before,))
            return cursor.rowcount


Ids = Mapping[str, int | None]


def _move_photos(cursor: sqlite3.Cursor, ids: Ids) -> None:
    cursor.execute(
        f"UPDATE OR IGNORE photos SET person_id = :stays, merge_id = {_KEPT_ID} WHERE person_id = :gone", ids
    )
    cursor.execute(
        f"INSERT INTO merged_photos (merge_id, earlier_id, {_PHOTO}) "
        f"SELECT :merge, merge_id, {_PHOTO} FROM photos WHERE person_id = :gone",
        ids,
    )


def _move_vetoes(cursor: sqlite3.Cursor, ids: Ids) -> None:
    refuted = (
        "vetoes WHERE person_id IN (:gone, :stays) AND (embedder, embedding) IN "
        "(SELECT embedder, embedding FROM photos WHERE person_id = :stays)"
    )
    cursor.execute(
        f"INSERT INTO merged_vetoes (merge_id, earlier_id, of_into, {_VETO}) "
        f"SELECT :merge, merge_id, person_id = :stays, {_VETO} FROM {refuted}",
        ids,
    )
    cursor.execute(f"DELETE FROM {refuted}", ids)
    cursor.execute(
        f"UPDATE vetoes SET person_id = :stays, merge_id = {_KEPT_ID} WHERE person_id = :gone", ids
    )


def _settle_warnings(cursor: sqlite3.Cursor, ids: Ids, merged: set[str]) -> None:
    photos = cursor.execute(
        "SELECT id, sha256, embedder, warnings FROM photos WHERE person_id = :stays", ids
    ).fetchall()
    for photo_id, sha256, embedder, before in photos:
        if (after := _settled(before, merged)) is not None:
            cursor.execute("UPDATE photos SET warnings = ? WHERE id = ?", (after, photo_id))
            cursor.execute(
                "INSERT INTO merged_warnings VALUES (?,?,?,?,?)",
                (ids["merge"], sha256, embedder, before, after),
            )


def _settled(text: str, merged: set[str]) -> str | None:
    """Warnings without those that a photo looks like somebody who is its own person now; None: there are none of these."""
    warnings = json.loads(text)
    left = [
        one
        for one in warnings
        if one["kind"] != "same-face" or not one.get("people") or not set(one["people"]) <= merged
    ]
    return json.dumps(left) if len(left) < len(warnings) else None


def _give_back(cursor: sqlite3.Cursor, ids: Ids) -> None:
    moved = "person_id = :stays AND merge_id IN (SELECT id FROM family)"
    theirs = (
        "merge_id = :merge OR (earlier_id IN (SELECT id FROM family) "
        "AND merge_id NOT IN (SELECT id FROM family))"
    )
    cursor.execute(
        f"{_FAMILY} UPDATE photos SET person_id = :gone, merge_id = {_LATER_ID} WHERE {moved}", ids
    )
    cursor.execute(
        f"{_FAMILY} INSERT OR IGNORE INTO photos (person_id, merge_id, {_PHOTO}) "
        f"SELECT :gone, CASE WHEN earlier_id = :merge THEN NULL ELSE earlier_id END, {_PHOTO} "
        f"FROM merged_photos WHERE {theirs}",
        ids,
    )
    cursor.execute(f"{_FAMILY} DELETE FROM merged_photos WHERE {theirs}", ids)
    cursor.execute(
        f"{_FAMILY} UPDATE vetoes SET person_id = :gone, merge_id = {_LATER_ID} WHERE {moved}", ids
    )
    cursor.execute(
        f"INSERT INTO vetoes (person_id, merge_id, {_VETO}) "
        f"SELECT CASE WHEN of_into THEN :stays ELSE :gone END, earlier_id, {_VETO} "
        "FROM merged_vetoes WHERE merge_id = :merge",
        ids,
    )
    settled = cursor.execute(
        "SELECT warnings, sha256, embedder, settled FROM merged_warnings WHERE merge_id = :merge", ids
    ).fetchall()
    cursor.executemany(
        "UPDATE photos SET warnings = ? WHERE sha256 = ? AND embedder = ? AND warnings = ? AND person_id IN (?, ?)",
        [(*row, ids["gone"], ids["stays"]) for row in settled],
    )
    cursor.execute(
        f"{_FAMILY} UPDATE merges SET into_id = :gone WHERE id IN (SELECT id FROM family) AND id != :merge",
        ids,
    )
