"""The column by which people are found whatever the case and the composition of their name."""

from __future__ import annotations

import sqlite3

from manyeyes.person_names import name_key


def fill(db: sqlite3.Connection) -> None:
    """Give everybody the key of their name, as this version makes it: files of earlier versions have none."""
    rows = db.execute("SELECT id, name, name_key FROM people").fetchall()
    db.executemany(
        "UPDATE people SET name_key = ? WHERE id = ?",
        [(new, number) for number, name, before in rows if (new := name_key(name)) != before],
    )
