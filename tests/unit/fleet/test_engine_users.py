"""The engine's configuration lists who may connect, and nobody who is kept out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from manyeyes import identity
from manyeyes.broker.topology import EngineSettings
from manyeyes.contract import HostFacts, join_name
from manyeyes.fleet.engine_users import EngineUsers
from manyeyes.store.credentials import TokenRow
from manyeyes.store.repositories import Store

HOST = HostFacts(hostname="h", system="s", cpu="c", cores=1, memory_bytes=1, python="3")


class Engine:
    """Counts how often it is to read its configuration."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.reloads = 0

    def reload(self) -> None:
        self.reloads += 1


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path / "nats" / "nats.conf")


@pytest.fixture
def users(store: Store, tmp_path: Path, engine: Any) -> EngineUsers:
    certificates = identity.Certificates(
        tmp_path / "ca.pem", tmp_path / "server.pem", tmp_path / "server.key"
    )
    engine_settings = EngineSettings("127.0.0.1", 4222, tmp_path / "jetstream", certificates)
    return EngineUsers(engine_settings, store.nodes, store.credentials, engine, identity.make_nkey())


def test_nodes_and_tokens_may_connect_until_they_are_kept_out(
    store: Store, users: EngineUsers, engine: Engine
) -> None:
    now = int(time.time())
    store.nodes.add("a", "UNODE", "t", HOST)
    store.credentials.add_token(TokenRow("fresh", "UFRESH", now + 60))
    store.credentials.add_token(TokenRow("stale", "USTALE", now - 60))
    users.write()
    text = engine.config.read_text()
    assert "UNODE" in text and "UFRESH" in text and "USTALE" not in text and engine.reloads == 0
    assert (users.name_of("UNODE"), users.name_of("UFRESH")) == ("a", join_name("fresh"))
    assert users.name_of("USTALE") is None

    users.keep_out(frozenset({"a", join_name("fresh")}))
    text = engine.config.read_text()
    assert "UNODE" not in text and "UFRESH" not in text and engine.reloads == 1
    users.reload()
    assert "UNODE" not in engine.config.read_text(), "until they are let in again"
    users.keep_out(frozenset())
    assert "UNODE" in engine.config.read_text() and engine.reloads == 3
