"""Sessions: from a key, kept as a hash, over when their time, their key or they themselves end."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyeyes.access import sessions as signins
from manyeyes.access.api_keys import ApiKeyService
from manyeyes.access.audit import Audit
from manyeyes.access.sessions import Caller, Sessions
from manyeyes.errors import NotSignedIn
from manyeyes.identity import hash_api_key
from manyeyes.store.database import Database
from manyeyes.store.repositories import Store


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(database: Database) -> Store:
    store = Store(database)
    store.credentials.add_api_key(hash_api_key("mek_a"), "laptop", "operator")
    return store


def test_a_session_ends_in_time(store: Store, path: Path) -> None:
    clock = Clock()
    sessions = Sessions(store.credentials, store.sessions, Audit(store.audit), 60, clock)
    token, caller = sessions.sign_in("mek_a")
    assert (
        caller == sessions.caller(token) == Caller("laptop", "operator", hash_api_key("mek_a")[:12], 1060.0)
    )
    assert (
        Sessions(store.credentials, store.sessions, Audit(store.audit), 60, clock).caller(token) == caller
    )  # after a restart
    clock.now += 59.9
    assert sessions.caller(token)
    clock.now += 0.1
    assert sessions.caller(token) is None
    assert token.encode() not in path.read_bytes()


def test_a_session_ends_with_its_key_and_by_signing_out(store: Store, database: Database) -> None:
    sessions = Sessions(store.credentials, store.sessions, Audit(store.audit), 60)
    first, second = sessions.sign_in("mek_a")[0], sessions.sign_in("mek_a")[0]
    sessions.sign_out(first)
    assert sessions.caller(first) is None and sessions.caller(second)
    store.credentials.revoke_api_keys("laptop")
    assert sessions.caller(second) is None
    assert database.read("SELECT * FROM sessions") == []


def test_what_was_found_is_remembered_until_anything_is_written(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    sessions = Sessions(store.credentials, store.sessions, Audit(store.audit), 60, clock)
    token, _ = sessions.sign_in("mek_a")
    read = database.read
    queries: list[str] = []
    monkeypatch.setattr(
        database, "read", lambda query, *values: (queries.append(query), read(query, *values))[1]
    )
    found = [(sessions.caller("mek_a"), sessions.caller(token)) for _ in range(5)]
    assert len(queries) == 2 and len(set(found)) == 1 and None not in found[0]
    assert sessions.caller("mek_b") is None and sessions.caller("mek_b") is None
    assert len(queries) == 4, "what is unknown is looked up each time: nobody fills the memory with it"
    clock.now += 60
    assert sessions.caller(token) is None and sessions.caller("mek_a"), "a session ends without a write"
    assert not any(secret in str(vars(sessions)) for secret in ("mek_a", token))


def test_nothing_stale_is_served(store: Store) -> None:
    """Revoked, signed out, displaced, made again: it counts from the next look on, whoever writes it."""
    clock = Clock()
    sessions, others = (
        Sessions(store.credentials, store.sessions, Audit(store.audit), 600, clock),
        Sessions(store.credentials, store.sessions, Audit(store.audit), 600, clock),
    )
    token, _ = sessions.sign_in("mek_a")
    assert sessions.caller(token)
    others.sign_out(token)
    assert sessions.caller(token) is None
    first, _ = sessions.sign_in("mek_a")
    assert sessions.caller(first)
    for _ in range(50):
        clock.now += 1
        others.sign_in("mek_a")
    assert sessions.caller(first) is None, "the oldest of too many"
    keys = ApiKeyService(store.credentials, Audit(store.audit))
    store.credentials.add_api_key(hash_api_key("mek_admin"), "boss", "admin")
    held, _ = sessions.sign_in("mek_a")
    assert sessions.caller("mek_a") and sessions.caller(held)
    keys.revoke("boss", "laptop")
    assert sessions.caller("mek_a") is None and sessions.caller(held) is None
    again, _ = keys.create("boss", "laptop", "user")
    assert sessions.caller(again) == Caller("laptop", "user", hash_api_key(again)[:12])
    assert sessions.caller("mek_a") is None


def test_two_keys_of_one_name_stay_apart(store: Store) -> None:
    sessions = Sessions(store.credentials, store.sessions, Audit(store.audit), 60)
    store.credentials.add_api_key(hash_api_key("mek_b"), "laptop", "user")
    for _ in range(2):
        first, second = sessions.caller("mek_a"), sessions.caller("mek_b")
        assert first and second
        assert (first.name, second.name) == ("laptop", "laptop")
        assert (first.role, second.role) == ("operator", "user")
        assert first.key_id != second.key_id


def test_what_is_remembered_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signins, "_MOST_RESOLVED", 3)
    sessions = Sessions(store.credentials, store.sessions, Audit(store.audit), 60)
    keys = [f"mek_{number}" for number in range(10)]
    for key in keys:
        store.credentials.add_api_key(hash_api_key(key), key, "user")
    for key in keys * 2:
        caller = sessions.caller(key)
        assert caller and caller.name == key
        assert len(sessions._resolved) <= 3


def test_only_keys_sign_in(store: Store) -> None:
    sessions = Sessions(store.credentials, store.sessions, Audit(store.audit), 60)
    token, _ = sessions.sign_in("mek_a")
    for wrong in ("mek_b", "", token, "mes_x", hash_api_key("mek_a")):
        with pytest.raises(NotSignedIn):
            sessions.sign_in(wrong)
        assert sessions.caller(wrong) is None or wrong == token


def test_one_key_has_at_most_fifty_sessions(store: Store) -> None:
    clock = Clock()
    sessions = Sessions(store.credentials, store.sessions, Audit(store.audit), 600, clock)
    tokens = []
    for _ in range(52):
        clock.now += 1
        tokens.append(sessions.sign_in("mek_a")[0])
    assert [sessions.caller(token) is not None for token in tokens] == [False] * 2 + [True] * 50


def test_a_link_signs_in_once_and_soon(store: Store) -> None:
    clock = Clock()
    sessions = Sessions(store.credentials, store.sessions, Audit(store.audit), 60, clock)
    link, late = sessions.link("mek_a"), sessions.link("mek_a")
    assert sessions.may_sign_in(link) and sessions.caller(link) is None
    token, caller = sessions.sign_in(link)
    assert caller.name == "laptop" and sessions.caller(token)
    with pytest.raises(NotSignedIn, match="used before"):
        sessions.sign_in(link)
    clock.now += 120
    assert not sessions.may_sign_in(late)
    with pytest.raises(NotSignedIn, match="has expired"):
        sessions.sign_in(late)
    for wrong in (token, link, "mek_b"):
        with pytest.raises(NotSignedIn):
            sessions.link(wrong)


def test_links_are_bounded(store: Store) -> None:
    sessions = Sessions(store.credentials, store.sessions, Audit(store.audit), 60)
    links = [sessions.link("mek_a") for _ in range(101)]
    assert [sessions.may_sign_in(link) for link in links] == [False] + [True] * 100
