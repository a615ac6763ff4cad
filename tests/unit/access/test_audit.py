"""The audit log: a chain that shows every change."""

from __future__ import annotations

import ast
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import manyeyes
from manyeyes.access.audit import Audit
from manyeyes.errors import PersonExists, Unavailable
from manyeyes.store.audit import GENESIS
from manyeyes.store.database import Database
from manyeyes.store.photos import Photo
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


def test_a_change_and_its_entry_are_stored_together_or_not_at_all(store: Store, database: Database) -> None:
    audit = Audit(store.audit)
    with audit.change("boss", "people add", outcome="enrolled") as said:
        store.photos.enrol("Ann", "e", [Photo("aa", b"0000")])
        said.detail = "person 1"
    assert [(e.who, e.what, e.outcome, e.detail) for e in audit.entries()] == [
        ("boss", "people add", "enrolled", "person 1")
    ]
    with pytest.raises(PersonExists), audit.change("boss", "people rename"):
        store.photos.enrol("Bob", "e", [Photo("bb", b"0000")])
        store.people.rename("Bob", "Ann")
    assert [person.name for person in store.people.all()] == ["Ann"] and len(audit.entries()) == 1
    with database.transaction() as cursor:
        cursor.execute("DROP TABLE audit")
    with pytest.raises(Unavailable, match="nothing was done"), audit.change("boss", "people remove"):
        store.people.remove("Ann")
    assert [person.name for person in store.people.all()] == ["Ann"], "the entry cannot be written"


def test_a_kill_between_a_change_and_its_entry_leaves_neither(path: Path) -> None:
    child = f"""
import os
from pathlib import Path
from manyeyes.access.audit import Audit
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store
store = Store.open(Path({str(path)!r}))
with Audit(store.audit).change("boss", "people add", outcome="enrolled"):
    store.photos.enrol("Ann", "e", [Photo("aa", b"0000")])
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", child], check=False).returncode == 9
    store = Store.open(path)
    assert store.people.all() == [] and Audit(store.audit).entries() == []
    store.close()


def test_nothing_waits_within_a_change() -> None:
    """Another request would come in between, and its changes would be part of this one's transaction."""
    seen = 0
    for file in Path(manyeyes.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.With) and any(
                isinstance(called := item.context_expr, ast.Call)
                and isinstance(called.func, ast.Attribute)
                and called.func.attr == "change"
                for item in node.items
            ):
                seen += 1
                waits = [one for part in node.body for one in ast.walk(part) if isinstance(one, ast.Await)]
                assert not waits, f"{file}:{node.lineno}"
    assert seen > 10


def test_refusals_are_one_entry_a_minute_and_cannot_fill_the_log(store: Store) -> None:
    audit = Audit(store.audit)
    for second in range(300):
        for _ in range(50):
            audit.refused("a user", "exec")
            audit.refused_stranger(f"10.0.0.{second % 7}")
        audit.tick(1000.0 + second)
    entries = audit.entries()
    assert [entry.who for entry in entries].count("a user") == 5 and len(entries) == 10
    assert {(entry.what, entry.outcome) for entry in entries if entry.who == ""} == {
        ("refused", "not-signed-in")
    }
    assert entries[0].detail == "50 refused: exec 50", "the first is not long in coming"
    audit.close()
    counted = [int(entry.detail.split()[0]) for entry in audit.entries() if entry.who == "a user"]
    assert sum(counted) == 300 * 50, "none is lost when the master stops"
    assert audit.verify().broken is None
