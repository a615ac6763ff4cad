"""What changed among the people, by version: triggers note it in the same transaction as the change itself.

A version is a row of `changes`. Its mark is random, so that a file restored from a copy, which counts the
same versions again for other changes, differs from the one that a node knows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

KEPT_CHANGES = 200_000
"""A node that missed more than these is sent the whole gallery."""

TABLES = """
CREATE TABLE changes (
    version INTEGER PRIMARY KEY AUTOINCREMENT, mark INTEGER NOT NULL DEFAULT (random()),
    photo_id INTEGER, person_id INTEGER
);
CREATE TRIGGER photo_added AFTER INSERT ON photos BEGIN
    INSERT INTO changes (photo_id, person_id) VALUES (new.id, new.person_id);
END;
CREATE TRIGGER photo_changed AFTER UPDATE OF id, person_id, embedder, embedding ON photos BEGIN
    INSERT INTO changes (photo_id, person_id) VALUES (old.id, new.person_id), (new.id, new.person_id);
END;
CREATE TRIGGER photo_removed AFTER DELETE ON photos BEGIN
    INSERT INTO changes (photo_id) VALUES (old.id);
END;
CREATE TRIGGER person_renamed AFTER UPDATE OF name ON people BEGIN
    INSERT INTO changes (person_id) VALUES (new.id);
END;
CREATE INDEX photos_of_person ON photos (person_id, embedder);
"""
"""A step of `schema.STEPS`."""


def prepare(db: sqlite3.Connection) -> None:
    """Have a first version, and let go of changes that are long past."""
    db.execute("INSERT INTO changes (photo_id) SELECT NULL WHERE NOT EXISTS (SELECT 1 FROM changes)")
    db.execute("DELETE FROM changes WHERE version < (SELECT MAX(version) FROM changes) - ?", (KEPT_CHANGES,))


def note(cursor: sqlite3.Cursor) -> None:
    """Note a change of what stands beside the photos: threshold, vetoes."""
    cursor.execute("INSERT INTO changes (photo_id) VALUES (NULL)")


def newest(read: Callable[..., list[tuple[Any, ...]]]) -> tuple[int, str]:
    """(version, mark) of the last change."""
    ((version, mark),) = read("SELECT version, mark FROM changes ORDER BY version DESC LIMIT 1")
    return int(version), format(mark, "x")
