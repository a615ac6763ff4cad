"""The master's file: whole changes only, and a count that says whether anything was written."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from manyeyes.errors import DataFolderUnusable
from manyeyes.store import database
from manyeyes.store.database import Database


def test_a_change_is_made_whole_or_not_at_all(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as cursor:
        cursor.execute("INSERT INTO meta VALUES ('a', '1')")
        raise ZeroDivisionError
    assert database.read("SELECT * FROM meta") == []
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO meta VALUES ('a', '1')")
        cursor.execute("INSERT INTO meta VALUES ('b', '2')")
    assert database.read("SELECT value FROM meta ORDER BY key") == [("1",), ("2",)]


def test_the_count_of_changes_rises_with_writes_only(database: Database) -> None:
    before = database.changes
    database.read("SELECT * FROM meta WHERE key = ?", "a")
    assert database.changes == before
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO meta VALUES ('a', '1')")
    assert database.changes > before


def test_what_was_written_is_there_for_the_next_to_open_it(path: Path, database: Database) -> None:
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO meta VALUES ('a', '1')")
    again = Database(path)
    assert again.read("SELECT value FROM meta WHERE key = 'a'") == [("1",)]
    again.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(DataFolderUnusable, match="cannot use the registry"):
        Database(path)


def test_what_to_do_is_told_by_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_full(connection: sqlite3.Connection, path: Path) -> None:
        connection.execute("PRAGMA max_page_count=1")
        connection.execute("CREATE TABLE large AS SELECT zeroblob(1000000)")

    with pytest.raises(DataFolderUnusable, match=r"unable to open.*; look whether you may write there"):
        Database(tmp_path / "gone" / "master.db")
    (tmp_path / "other.db").write_bytes(b"no database at all" * 99)
    with pytest.raises(DataFolderUnusable, match="not a database; restore it from a copy"):
        Database(tmp_path / "other.db")
    monkeypatch.setattr(database, "migrate", is_full)
    with pytest.raises(DataFolderUnusable, match="disk is full; free some space there"):
        Database(tmp_path / "master.db")
