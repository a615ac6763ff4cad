"""Nodes that come and go under one name: forgotten when they leave or were lost for a time; lists stay short."""

from __future__ import annotations

import asyncio
from pathlib import Path

from manyeyes import contract, identity
from manyeyes.contract import HostFacts
from manyeyes.fleet.ephemeral import LEFT_S, Ephemeral
from manyeyes.identity import JoinToken, make_certificates
from manyeyes.store.nodes import MOST_REMOVED
from manyeyes.store.repositories import Store
from tests.integration.conftest import Network, until
from tests.integration.test_versions import HELLO, HOST, connected, said

FACTS = HostFacts.model_validate(HOST)


def test_who_left_is_forgotten_at_once_and_who_is_lost_after_a_time() -> None:
    ephemeral = Ephemeral(lost_s=60)
    assert ephemeral.due({"a": "left", "b": "lost", "c": "joining", "d": "ready"}, 0) == {}
    states = {"a": "left", "b": "lost", "c": "joining", "d": "lost"}
    assert ephemeral.due(states, LEFT_S) == {"a": "it left"}
    assert ephemeral.due({**states, "b": "ready"}, 59) == {"a": "it left"}, "one that is back is not away"
    assert ephemeral.due(states, 61) == {"a": "it left", "c": "it was joining for 60 s"}
    assert set(ephemeral.due(states, 62 + LEFT_S)) == {"a", "c", "d"}
    assert set(ephemeral.due({"b": "lost"}, 121)) == {"b"}
    assert ephemeral.due({}, 200) == {}


def test_a_token_says_that_its_nodes_are_ephemeral(tmp_path: Path) -> None:
    ca_pem = make_certificates(tmp_path, ()).ca.read_text()
    token = JoinToken("t", ("h:1",), ca_pem, "seed", 5, ephemeral=True)
    assert JoinToken.decode(token.encode()) == token
    plain = JoinToken("t", ("h:1",), ca_pem, "seed", 5)
    assert not JoinToken.decode(plain.encode()).ephemeral and len(plain.encode()) < len(token.encode())


def test_of_a_machine_s_removed_nodes_the_last_few_are_named(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "m.db")
    store.nodes.add("here", "KEY", "t", FACTS, fingerprint="f")
    for number in range(34):
        store.nodes.add(f"w{number}", f"KEY{number}", "t", FACTS, fingerprint="f")
        store.nodes.remove(f"w{number}")
    shown = store.nodes.same_host(store.nodes.node("here"))
    assert shown[0] == "w33 (removed)" and len(shown) == MOST_REMOVED + 1
    assert shown[-1] == f"{34 - MOST_REMOVED} more removed"
    store.close()


def test_ephemeral_nodes_use_one_name_again_and_leave_nothing(shared: Network) -> None:
    token = JoinToken.decode(shared.client.create_token(60, ephemeral=True).token)

    async def come(wanted: str) -> tuple[str, identity.NKey]:
        key = identity.make_nkey()
        client = await connected(shared, token.seed, contract.join_name(token.token_id))
        request = said(v=5, public_nkey=key.public, wanted_name=wanted, version="x", host=HOST)
        answer = await client.request(contract.join_subject(token.token_id), request, timeout=5)
        await client.close()
        return contract.JoinReply.model_validate_json(answer.data).name, key

    async def leaves(name: str, key: identity.NKey) -> None:
        client = await connected(shared, key.seed, name)
        subject = HELLO.replace("hand", name)
        await client.request(subject, said(v=5, session="s", fingerprint=""), timeout=5)
        await client.publish(
            contract.node_subject(name, "leave", contract.ALL), said(v=5, session="s", reason="r")
        )
        await client.flush()
        await client.close()

    async def main() -> None:
        for _ in range(3):
            name, key = await come("w1")
            assert name == "w1", "free again, although the one before has just left"
            await leaves(name, key)
            await asyncio.to_thread(until, lambda: shared.state("w1") in ("left", "unknown"))
        name, _ = await come("w1")
        assert (await come("w1"))[0] == "w1-2", "w1 is there"
        assert (await asyncio.to_thread(shared.client.node, name)).ephemeral

    asyncio.run(main())
    name, key = asyncio.run(come("w9"))
    asyncio.run(leaves(name, key))
    until(lambda: shared.state("w9") == "unknown")
    told = [
        (entry.who, entry.node, entry.detail) for entry in shared.client.audit() if entry.what == "forget"
    ]
    assert told.count(("the master", "w1", "another ephemeral node takes its name")) == 3
    assert told[-1] == ("the master", "w9", "it left")
    made = next(entry for entry in shared.client.audit() if token.token_id in entry.detail)
    assert made.detail.endswith("for ephemeral nodes")
    assert key.public not in (shared.data / "nats" / "nats.conf").read_text(), "its key is refused"
