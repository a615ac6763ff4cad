"""The people who are enrolled: their names, renaming, forgetting."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from itertools import groupby

from manyeyes.errors import PersonExists, PersonNotFound
from manyeyes.person_names import name_key, tidy
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

    def find(self, name: str) -> Person | None:
        """Who has this name, whatever its case and composition; None if nobody has.

        Raises:
            PersonNotFound: several have it, in an earlier version's file, and none of them exactly so.
        """
        query = f"SELECT {_COLUMNS} WHERE p.name_key = ? GROUP BY p.id ORDER BY p.name"
        found = [Person(*row) for row in self._database.read(query, name_key(name))]
        exact = [one for wanted in (name, tidy(name)) for one in found if one.name == wanted]
        if len(found) > 1 and not exact:
            raise PersonNotFound(
                f"{len(found)} people are enrolled as {name!r}, in other cases: "
                f"{', '.join(one.name for one in found)}; write one of these exactly, and merge or rename the others"
            )
        return next(iter([*exact, *found]), None)

    def person(self, name: str) -> Person:
        """One person, whatever the case and composition of the name.

        Raises:
            PersonNotFound: nobody of that name; or several of an earlier version's file, and none exactly so.
        """
        if (found := self.find(name)) is None:
            raise nobody(name)
        return found

    def of_one_name(self) -> list[list[str]]:
        """The names that differ only in case or composition, each group by itself: an earlier version took them for several."""
        rows = self._database.read(
            "SELECT name_key, name FROM people WHERE name_key IN "
            "(SELECT name_key FROM people GROUP BY name_key HAVING COUNT(*) > 1) ORDER BY name_key, name"
        )
        return [[name for _, name in group] for _, group in groupby(rows, lambda row: row[0])]

    def rename(self, name: str, new: str) -> Person:
        """Give a person another name.

        Raises:
            PersonNotFound: nobody of that name.
            PersonExists: the new name is taken.
        """
        person = self.person(name)
        others = self._database.read(
            "SELECT name FROM people WHERE name_key = ? AND id != ?", name_key(new), person.id
        )
        if others and name_key(new) != name_key(person.name):
            raise taken(others[0][0])
        try:
            with self._database.transaction() as cursor:
                cursor.execute(
                    "UPDATE people SET name = ?, name_key = ? WHERE id = ?", (new, name_key(new), person.id)
                )
        except sqlite3.IntegrityError as error:
            raise taken(new) from error
        return replace(person, name=new)

    def remove(self, name: str) -> None:
        """Forget a person, all their photos' embeddings and all feedback about them.

        Raises:
            PersonNotFound: nobody of that name.
        """
        person = self.person(name)
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM people WHERE id = ?", (person.id,))


def nobody(name: str) -> PersonNotFound:
    """The error that says that nobody has a name."""
    return PersonNotFound(f"nobody is enrolled as {name!r}; 'manyeyes people list' lists everybody")


def taken(name: str) -> PersonExists:
    """The error that says that somebody has a name."""
    return PersonExists(f"somebody is enrolled as {name!r} already; choose another name")
