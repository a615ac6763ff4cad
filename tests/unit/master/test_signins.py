"""Sessions: from a key, kept as a hash, over when their time, their key or they themselves end."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyeyes.errors import NotSignedIn
from manyeyes.identity import hash_api_key
from manyeyes.master.registry import Registry
from manyeyes.master.signins import Caller, SignIns


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
