"""Sessions: from a key, kept as a hash, over when their time, their key or they themselves end."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyeyes.access import sessions as signins
from manyeyes.access.api_keys import KeysOffice
from manyeyes.access.audit import Audit
from manyeyes.access.sessions import Caller, SignIns
from manyeyes.errors import NotSignedIn
from manyeyes.identity import hash_api_key
from manyeyes.store.registry import Registry


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = Registry(tmp_path / "master.db")
    registry.add_api_key(hash_api_key("mek_a"), "laptop", "operator")
    return registry


def test_a_session_ends_in_time(registry: Registry) -> None:
    clock = Clock()
    sign_ins = SignIns(registry, 60, clock)
    token, caller = sign_ins.sign_in("mek_a")
    assert (
        caller == sign_ins.caller(token) == Caller("laptop", "operator", hash_api_key("mek_a")[:12], 1060.0)
    )
    assert SignIns(registry, 60, clock).caller(token) == caller  # after a restart
    clock.now += 59.9
    assert sign_ins.caller(token)
    clock.now += 0.1
    assert sign_ins.caller(token) is None
    assert token.encode() not in registry.path.read_bytes()


def test_a_session_ends_with_its_key_and_by_signing_out(registry: Registry) -> None:
    sign_ins = SignIns(registry, 60)
    first, second = sign_ins.sign_in("mek_a")[0], sign_ins.sign_in("mek_a")[0]
    sign_ins.sign_out(first)
    assert sign_ins.caller(first) is None and sign_ins.caller(second)
    with registry.transaction() as cursor:
        cursor.execute("DELETE FROM api_keys")
    assert sign_ins.caller(second) is None
    assert registry.read("SELECT * FROM sign_ins") == []


def test_what_was_found_is_remembered_until_anything_is_written(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    sign_ins = SignIns(registry, 60, clock)
    token, _ = sign_ins.sign_in("mek_a")
    read = registry.read
    queries: list[str] = []
    monkeypatch.setattr(
        registry, "read", lambda query, *values: (queries.append(query), read(query, *values))[1]
    )
    found = [(sign_ins.caller("mek_a"), sign_ins.caller(token)) for _ in range(5)]
    assert len(queries) == 2 and len(set(found)) == 1 and None not in found[0]
    assert sign_ins.caller("mek_b") is None and sign_ins.caller("mek_b") is None
    assert len(queries) == 4, "what is unknown is looked up each time: nobody fills the memory with it"
    clock.now += 60
    assert sign_ins.caller(token) is None and sign_ins.caller("mek_a"), "a session ends without a write"
    assert not any(secret in str(vars(sign_ins)) for secret in ("mek_a", token))


def test_nothing_stale_is_served(registry: Registry) -> None:
    """Revoked, signed out, displaced, made again: it counts from the next look on, whoever writes it."""
    clock = Clock()
    sign_ins, others = SignIns(registry, 600, clock), SignIns(registry, 600, clock)
    token, _ = sign_ins.sign_in("mek_a")
    assert sign_ins.caller(token)
    others.sign_out(token)
    assert sign_ins.caller(token) is None
    first, _ = sign_ins.sign_in("mek_a")
    assert sign_ins.caller(first)
    for _ in range(50):
        clock.now += 1
        others.sign_in("mek_a")
    assert sign_ins.caller(first) is None, "the oldest of too many"
    keys = KeysOffice(registry, Audit(registry))
    registry.add_api_key(hash_api_key("mek_admin"), "boss", "admin")
    held, _ = sign_ins.sign_in("mek_a")
    assert sign_ins.caller("mek_a") and sign_ins.caller(held)
    keys.revoke("boss", "laptop")
    assert sign_ins.caller("mek_a") is None and sign_ins.caller(held) is None
    again, _ = keys.create("boss", "laptop", "user")
    assert sign_ins.caller(again) == Caller("laptop", "user", hash_api_key(again)[:12])
    assert sign_ins.caller("mek_a") is None


def test_two_keys_of_one_name_stay_apart(registry: Registry) -> None:
    sign_ins = SignIns(registry, 60)
    registry.add_api_key(hash_api_key("mek_b"), "laptop", "user")
    for _ in range(2):
        first, second = sign_ins.caller("mek_a"), sign_ins.caller("mek_b")
        assert first and second
        assert (first.name, second.name) == ("laptop", "laptop")
        assert (first.role, second.role) == ("operator", "user")
        assert first.key_id != second.key_id


def test_what_is_remembered_is_bounded(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signins, "_MOST_RESOLVED", 3)
    sign_ins = SignIns(registry, 60)
    keys = [f"mek_{number}" for number in range(10)]
    for key in keys:
        registry.add_api_key(hash_api_key(key), key, "user")
    for key in keys * 2:
        caller = sign_ins.caller(key)
        assert caller and caller.name == key
        assert len(sign_ins._resolved) <= 3


def test_only_keys_sign_in(registry: Registry) -> None:
    sign_ins = SignIns(registry, 60)
    token, _ = sign_ins.sign_in("mek_a")
    for wrong in ("mek_b", "", token, "mes_x", hash_api_key("mek_a")):
        with pytest.raises(NotSignedIn):
            sign_ins.sign_in(wrong)
        assert sign_ins.caller(wrong) is None or wrong == token


def test_one_key_has_at_most_fifty_sessions(registry: Registry) -> None:
    clock = Clock()
    sign_ins = SignIns(registry, 600, clock)
    tokens = []
    for _ in range(52):
        clock.now += 1
        tokens.append(sign_ins.sign_in("mek_a")[0])
    assert [sign_ins.caller(token) is not None for token in tokens] == [False] * 2 + [True] * 50


def test_a_link_signs_in_once_and_soon(registry: Registry) -> None:
    clock = Clock()
    sign_ins = SignIns(registry, 60, clock)
    link, late = sign_ins.link("mek_a"), sign_ins.link("mek_a")
    assert sign_ins.may_sign_in(link) and sign_ins.caller(link) is None
    token, caller = sign_ins.sign_in(link)
    assert caller.name == "laptop" and sign_ins.caller(token)
    with pytest.raises(NotSignedIn, match="followed before"):
        sign_ins.sign_in(link)
    clock.now += 120
    assert not sign_ins.may_sign_in(late)
    with pytest.raises(NotSignedIn, match="too old"):
        sign_ins.sign_in(late)
    for wrong in (token, link, "mek_b"):
        with pytest.raises(NotSignedIn):
            sign_ins.link(wrong)


def test_links_are_bounded(registry: Registry) -> None:
    sign_ins = SignIns(registry, 60)
    links = [sign_ins.link("mek_a") for _ in range(101)]
    assert [sign_ins.may_sign_in(link) for link in links] == [False] + [True] * 100
