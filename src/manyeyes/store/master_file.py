"""Whether a file is a master's database, read without changing it or anything beside it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

_HEADER = b"SQLite format 3\0"
_TABLES = {"nodes", "people", "tokens"}
"""Every version of the master's file has these."""


def is_sqlite(path: Path) -> bool:
    """Whether the file begins as every SQLite file does."""
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return False


def is_master_database(path: Path) -> bool:
    """Whether the file is an SQLite file with the tables of a master. Tables that are only in its WAL are not seen."""
    if not is_sqlite(path):
        return False
    try:
        db = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True)
        try:
            names = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        finally:
            db.close()
    except sqlite3.Error:
        return False
    return names >= _TABLES
