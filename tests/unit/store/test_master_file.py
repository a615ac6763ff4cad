"""A file is a master's database only with its tables, and looking changes nothing beside it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from manyeyes.store.database import Database
from manyeyes.store.master_file import is_master_database, is_sqlite


def test_a_masters_database_is_recognised_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "odd name?#%.db"
    Database(path).close()
    before = {one.name: one.stat().st_mtime_ns for one in tmp_path.iterdir()}
    assert is_sqlite(path) and is_master_database(path)
    assert {one.name: one.stat().st_mtime_ns for one in tmp_path.iterdir()} == before


def test_other_files_are_none(tmp_path: Path) -> None:
    other, damaged, text = tmp_path / "other.db", tmp_path / "damaged.db", tmp_path / "text.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE people (id INTEGER)")
    db.close()
    damaged.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    text.write_text("people, nodes, tokens")
    assert [is_sqlite(path) for path in (other, damaged, text, tmp_path / "none")] == [
        True,
        True,
        False,
        False,
    ]
    assert not any(is_master_database(path) for path in (other, damaged, text, tmp_path / "none", tmp_path))
