"""The people who are enrolled: their names, renaming, merging, forgetting."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from manyeyes.errors import BadRequest, PersonExists, PersonNotFound
from manyeyes.store import gallery_history
from manyeyes.store.database import Database

_COLUMNS = (
    "p.name, COUNT(DISTINCT f.sha256), p.added_at FROM people p LEFT JOIN photos f ON f.person_id = p.id"
)


@dataclass(frozen=True)
class Person:
    """An enrolled person."""

    name: str
    photos: int
    added_at: str


class PeopleRepository:
    """The rows of enrolled people. Triggers record each change for the nodes, except that feedback moves to another person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Person]:
        """Everybody, by name."""
        rows = self._database.read(f"SELECT {_COLUMNS} GROUP BY p.id ORDER BY p.name")
        return [Person(*row) for row in rows]

    def person(self, name: str) -> Person:
        """One person.

        Raises:
            PersonNotFound: nobody of that name.
        """
        rows = self._database.read(f"SELECT {_COLUMNS} WHERE p.name = ? GROUP BY p.id", name)
        if not rows:
            raise nobody(name)
        return Person(*rows[0])

    def rename(self, name: str, new: str) -> Person:
        """Give a person another name.

        Raises:
            PersonNotFound: nobody of that name.
            PersonExists: the new name is taken.
        """
        self.person(name)
        try:
            with self._database.transaction() as cursor:
                cursor.execute("UPDATE people SET name = ? WHERE name = ?", (new, name))
        except sqlite3.IntegrityError as error:
            raise PersonExists(f"somebody is enrolled as {new!r} already; choose another name") from error
        return self.person(new)

    def remove(self, name: str) -> None:
        """Forget a person, all their photos' embeddings and all feedback about them.

        Raises:
            PersonNotFound: nobody of that name.
        """
        self.person(name)
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM people WHERE name = ?", (name,))

    def merge(self, name: str, into: str) -> None:
        """Move all photos and feedback of one person to another and delete the first name.

        A photo that both have counts once. A face that was said not to be one of both, and is a photo of the
        other, is a photo from now on: who merges two names says that they are one person.

        Raises:
            PersonNotFound: nobody of one of the names.
            BadRequest: both are the same.
        """
        ids = {self.person(one).name: 0 for one in (name, into)}
        if len(ids) == 1:
            raise BadRequest(f"{name!r} cannot be merged with themselves; name somebody else")
        with self._database.transaction() as cursor:
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
            gallery_history.note(cursor)


def nobody(name: str) -> PersonNotFound:
    """The error that says that nobody has a name."""
    return PersonNotFound(f"nobody is enrolled as {name!r}; 'manyeyes people list' lists everybody")


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
