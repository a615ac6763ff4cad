"""The people who are enrolled: their names, renaming, forgetting."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from manyeyes.errors import PersonExists, PersonNotFound
from manyeyes.store.database import Database

_COLUMNS = "p.id, p.name, COUNT(DISTINCT f.sha256), p.added_at FROM people p LEFT JOIN photos f ON f.person_id = p.id"


@dataclass(frozen=True)
class Person:
    """An enrolled person."""

    id: int
    """Of nobody else, ever; the audit log names people by it."""
    name: str
    photos: int
    added_at: str


class PeopleRepository:
    """The rows of enrolled people. Triggers record each change for the nodes."""

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
            raise taken(new) from error
        return self.person(new)

    def remove(self, name: str) -> None:
        """Forget a person, all their photos' embeddings and all feedback about them.

        Raises:
            PersonNotFound: nobody of that name.
        """
        self.person(name)
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM people WHERE name = ?", (name,))


def nobody(name: str) -> PersonNotFound:
    """The error that says that nobody has a name."""
    return PersonNotFound(f"nobody is enrolled as {name!r}; 'manyeyes people list' lists everybody")


def taken(name: str) -> PersonExists:
    """The error that says that somebody has a name."""
    return PersonExists(f"somebody is enrolled as {name!r} already; choose another name")
