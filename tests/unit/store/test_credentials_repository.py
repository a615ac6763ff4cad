"""Join tokens and API keys as they are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyeyes.store.credentials import TokenRow
from manyeyes.store.repositories import Store


def test_tokens_are_kept_without_their_secret(store: Store, path: Path) -> None:
    tokens = [TokenRow("t1", "KEY1", 5), TokenRow("t2", "KEY2", 7, approve=True)]
    for token in tokens:
        store.credentials.add_token(token)
    again = Store.open(path)
    assert again.credentials.tokens() == tokens
    again.close()


def test_keys_are_found_by_their_hash_and_listed_by_name(store: Store) -> None:
    olga = store.credentials.add_api_key("h2", "olga", "operator")
    boss = store.credentials.add_api_key("h1", "boss", "admin")
    assert store.credentials.api_keys() == [boss, olga]
    assert store.credentials.api_key("h2") == olga and store.credentials.api_key("olga") is None
    store.credentials.revoke_api_keys("olga")
    assert store.credentials.api_key("h2") is None and store.credentials.api_keys() == [boss]


def test_revoking_a_name_revokes_every_key_of_it_with_its_sessions(store: Store) -> None:
    for key in ("h1", "h2", "h3"):
        store.credentials.add_api_key(key, "boss" if key == "h3" else "laptop", "user")
        store.sessions.add(f"s{key}", key, made_at=0.0, expires_at=9.0, most_of_one_key=5)
    store.credentials.revoke_api_keys("laptop")
    assert [key.name for key in store.credentials.api_keys()] == ["boss"]
    assert [store.sessions.session(f"s{key}") is None for key in ("h1", "h2", "h3")] == [True, True, False]


@pytest.mark.parametrize("kind", ["key", "revoke", "session", "sign out"])
def test_every_write_shows_in_the_count_of_changes(store: Store, kind: str) -> None:
    """Who remembers a credential looks at it: a write that did not show would be served stale."""
    store.credentials.add_api_key("h", "laptop", "user")
    store.sessions.add("s", "h", made_at=0.0, expires_at=9.0, most_of_one_key=5)
    before = store.credentials.changes
    {
        "key": lambda: store.credentials.add_api_key("other", "x", "user"),
        "revoke": lambda: store.credentials.revoke_api_keys("laptop"),
        "session": lambda: store.sessions.add("t", "h", made_at=0.0, expires_at=9.0, most_of_one_key=5),
        "sign out": lambda: store.sessions.remove("s"),
    }[kind]()
    assert store.credentials.changes > before
