"""The chain of the audit log as it is kept."""

from __future__ import annotations

import sqlite3

import pytest

from manyeyes.store.audit import GENESIS, Entry
from manyeyes.store.database import Database
from manyeyes.store.repositories import Store


def append(store: Store, count: int) -> None:
    for number in range(count):
        store.audit.append("boss", "exec", node="a", outcome=f"exit {number}", detail="é")


def test_each_entry_carries_the_digest_of_the_one_before(store: Store) -> None:
    append(store, 3)
    entries = store.audit.entries(0, 10)
    assert [entry.before for entry in entries] == [GENESIS, entries[0].sha256, entries[1].sha256]
    assert all(entry.digest() == entry.sha256 for entry in entries)
    assert [entry.outcome for entry in entries] == ["exit 0", "exit 1", "exit 2"]
    assert store.audit.entries(1, 1) == entries[1:2]


def test_the_digest_stays_what_it_was_in_files_that_are_there() -> None:
    entry = Entry(1, "2026-01-01T00:00:00+00:00", "boss", "exec", "a", "exit 0", "é", GENESIS)
    assert entry.digest() == "16215436886563e832a2f26ba821920c2cb25e4e0df489a0747601eae89a1d40"


def test_the_highest_number_is_known_though_entries_are_gone(store: Store, database: Database) -> None:
    assert store.audit.last_given() == 0
    append(store, 3)
    with database.transaction() as cursor:
        cursor.execute("DROP TRIGGER audit_is_not_deleted")
        cursor.execute("DELETE FROM audit WHERE number > 1")
    assert (store.audit.last_given(), len(store.audit.entries(0, 10))) == (3, 1)


def test_the_file_refuses_to_change_an_entry(store: Store, database: Database) -> None:
    append(store, 1)
    for statement in ("UPDATE audit SET who = 'x'", "DELETE FROM audit"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"), database.transaction() as cursor:
            cursor.execute(statement)
    assert store.audit.entries(0, 10)[0].who == "boss"
