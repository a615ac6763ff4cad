"""People by id: who has a name, and who has an id by now, after renames and merges."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from manyeyes.store.database import Database

_AT_ONCE = 500
_LED_TO = (
    "WITH RECURSIVE led(first, id) AS (SELECT value, value FROM json_each(?) "
    "UNION SELECT led.first, m.into_id FROM merged_into m JOIN led ON m.person_id = led.id) "
    "SELECT led.first, people.id, people.name FROM led JOIN people ON people.id = led.id"
)


class PersonIds:
    """Reads which id a name has, and which name an id has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_names(self, names: Iterable[str]) -> dict[str, int]:
        """The ids of these names; one that nobody has is left out."""
        wanted = list(names)
        rows = self._read(
            "SELECT name, id FROM people WHERE name IN (SELECT value FROM json_each(?))", wanted
        )
        return {name: number for name, number in rows}

    def led_to(self, numbers: Iterable[int]) -> dict[int, tuple[int, str]]:
        """The id and the name of the person to whom each id leads now; that of a removed person is left out."""
        return {first: (number, name) for first, number, name in self._read(_LED_TO, list(numbers))}

    def _read(self, query: str, values: list[Any]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(values), _AT_ONCE):
            found += self._database.read(query, json.dumps(values[start : start + _AT_ONCE]))
        return found
