"""A transaction of SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

_WHOLE = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_PART = ("SAVEPOINT part", "RELEASE part", ("ROLLBACK TO part", "RELEASE part"))


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
    """All changes that are made before the end, or none; within another transaction it is a part of that one.

    Raises:
        sqlite3.Error: of the change that failed; a failing rollback does not hide it.
    """
    cursor = db.cursor()
    begin, end, undo = _PART if db.in_transaction else _WHOLE
    cursor.execute(begin)
    try:
        yield cursor
        cursor.execute(end)
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            for statement in undo:
                cursor.execute(statement)
        raise
