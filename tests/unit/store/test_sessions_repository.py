"""Sessions as they are kept: bounded for each key, gone with their time."""

from __future__ import annotations

import sqlite3

import pytest

from manyeyes.store.repositories import Store
from manyeyes.store.sessions import SessionRow


@pytest.fixture
def keyed(store: Store) -> Store:
    store.credentials.add_api_key("key", "laptop", "operator")
    store.credentials.add_api_key("other", "desk", "user")
    return store


def add(store: Store, token: str, key: str = "key", at: float = 0.0, lasts: float = 60.0) -> None:
    store.sessions.add(token, key, made_at=at, expires_at=at + lasts, most_of_one_key=3)


def test_a_session_has_the_role_of_its_key(keyed: Store) -> None:
    add(keyed, "a")
    assert keyed.sessions.session("a") == SessionRow("laptop", "operator", "key", 60.0)
    keyed.sessions.remove("a")
    keyed.sessions.remove("a")
    assert keyed.sessions.session("a") is None


def test_the_oldest_of_one_key_goes_and_no_other(keyed: Store) -> None:
    add(keyed, "desk", "other")
    for at, token in enumerate("abcd"):
        add(keyed, token, at=float(at))
    assert not keyed.sessions.session("a")
    assert all(keyed.sessions.session(token) for token in ("b", "c", "d", "desk"))


def test_what_has_expired_goes_when_another_comes(keyed: Store) -> None:
    add(keyed, "a", lasts=5.0)
    add(keyed, "b", "other", at=5.0)
    assert keyed.sessions.session("a") is None and keyed.sessions.session("b")


def test_a_session_of_no_key_changes_nothing(keyed: Store) -> None:
    add(keyed, "a", lasts=5.0)
    with pytest.raises(sqlite3.IntegrityError):
        add(keyed, "b", "nobody's", at=9.0)
    assert keyed.sessions.session("a"), "what would have gone with it stays"
