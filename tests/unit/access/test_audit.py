"""The audit log: a chain that shows every change."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from manyeyes.access.audit import REFUSALS_AT_ONCE, Audit, Refusals
from manyeyes.errors import Unavailable
from manyeyes.store.audit import GENESIS
from manyeyes.store.database import Database
from manyeyes.store.repositories import Store


def filled(store: Store, count: int = 5) -> Audit:
    audit = Audit(store.audit)
    for number in range(count):
        audit.record("local admin", "exec", node="a", outcome=f"exit {number}", detail="true")
    return audit


def tamper(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    for trigger in ("audit_is_not_changed", "audit_is_not_deleted"):
        db.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        db.execute(statement)
    db.close()


def test_each_entry_carries_the_hash_of_the_one_before(store: Store) -> None:
    audit = filled(store)
    entries = audit.entries()
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry.before for entry in entries] == [GENESIS, *(entry.sha256 for entry in entries[:-1])]
    assert audit.entries(after=3) == entries[3:]
    verdict = audit.verify()
    assert (verdict.entries, verdict.head, verdict.broken) == (5, entries[-1].sha256, None)


def test_an_empty_log_is_whole(store: Store) -> None:
    assert Audit(store.audit).verify().head == GENESIS


def test_it_goes_on_after_a_restart(path: Path) -> None:
    first = Store.open(path)
    filled(first, 2)
    first.close()
    second = Store.open(path)
    filled(second, 2)
    assert Audit(second.audit).verify().entries == 4
    second.close()


def test_the_file_refuses_changes(store: Store, database: Database) -> None:
    filled(store)
    for statement in ("UPDATE audit SET who = 'x' WHERE number = 2", "DELETE FROM audit WHERE number = 5"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"), database.transaction() as cursor:
            cursor.execute(statement)
    assert Audit(store.audit).verify().entries == 5


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit SET outcome = 'exit 7' WHERE number = 3", 3),
        ("UPDATE audit SET at = '2020' WHERE number = 5", 5),
        ("UPDATE audit SET detail = detail || ' ' WHERE number = 1", 1),
        ("UPDATE audit SET before = sha256 WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 5", 5),
        ("DELETE FROM audit", 1),
        ("INSERT INTO audit VALUES (6, 'now', 'x', 'exec', 'a', 'exit 0', '', 'f', 'f')", 6),
    ],
)
def test_the_first_broken_entry_is_named(path: Path, store: Store, statement: str, broken: int) -> None:
    audit = filled(store)
    tamper(path, statement)
    verdict = audit.verify()
    assert verdict.broken == broken and verdict.reason
    assert verdict.entries == broken - 1


def test_an_entry_altered_with_its_own_hash_breaks_the_next(path: Path, store: Store) -> None:
    audit = filled(store)
    forged = audit.entries()[2]
    digest = type(forged)(**{**vars(forged), "who": "nobody", "sha256": ""}).digest()
    tamper(path, f"UPDATE audit SET who = 'nobody', sha256 = '{digest}' WHERE number = 3")
    assert audit.verify().broken == 4


def test_what_cannot_be_recorded_is_not_done(store: Store, database: Database) -> None:
    audit = filled(store)
    with database.transaction() as cursor:
        cursor.execute("DROP TABLE audit")
    with pytest.raises(Unavailable, match="nothing was done"):
        audit.record("a", "exec", outcome="asked")


def test_refusals_are_logged_and_cannot_fill_the_log(store: Store) -> None:
    audit = Audit(store.audit)
    for _ in range(500):
        audit.refused("a user", "exec", node="n" * 999, detail="the key's role is user, admin is needed")
    entries = audit.entries()
    assert len(entries) == REFUSALS_AT_ONCE
    assert {(entry.who, entry.outcome, len(entry.node)) for entry in entries} == {
        ("a user", "not-allowed", 200)
    }
    audit.refused("another", "exec", node="n", detail="")
    assert audit.entries()[-1].who == "another"


def test_refusals_that_were_not_written_are_counted() -> None:
    refusals = Refusals(at_s=0.0)
    assert [refusals.worth_writing(0.0) for _ in range(25)] == [True] * 20 + [False] * 5
    assert (refusals.worth_writing(59.0), refusals.unwritten) == (False, 6)
    assert refusals.worth_writing(61.0)
