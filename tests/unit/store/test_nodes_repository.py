"""What the registry keeps of nodes: approval, wishes, and that a removed key stays removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyeyes.contract import HostFacts
from manyeyes.errors import NodeNotFound
from manyeyes.store.database import Registry, TokenRow
from manyeyes.store.nodes import NodeStore

HOST = HostFacts(hostname="h", system="s", cpu="c", cores=2, memory_bytes=1, python="3.11")


def test_a_removed_node_is_remembered_by_its_key_and_frees_its_name(registry: Registry, path: Path) -> None:
    node_store = NodeStore(registry)
    registry.add_node("a", "KEY1", "t1", HOST, fingerprint="f")
    node_store.remove("a")
    assert registry.nodes() == []
    with pytest.raises(NodeNotFound, match="'a' was removed at"):
        node_store.node("a")
    again = Registry(path)
    gone = NodeStore(again).removed_key("KEY1")
    again.close()
    assert gone is not None
    assert gone.name == "a"
    registry.add_node("a", "KEY2", "t2", HOST, fingerprint="f")
    assert node_store.removed_key("KEY2") is None
    assert node_store.node("a").token_id == "t2"


def test_nodes_on_one_machine_are_known_as_such(registry: Registry) -> None:
    node_store = NodeStore(registry)
    for name, fingerprint in (("a", "f"), ("b", "f"), ("c", "g"), ("d", ""), ("e", "")):
        registry.add_node(name, f"KEY-{name}", "t", HOST, fingerprint=fingerprint)
    node_store.remove("b")
    assert node_store.same_host(node_store.node("a")) == ("b (removed)",)
    assert node_store.same_host(node_store.node("c")) == ()
    assert node_store.same_host(node_store.node("d")) == ()


def test_approval_and_wishes_are_kept(registry: Registry, path: Path) -> None:
    node_store = NodeStore(registry)
    registry.add_token(TokenRow("t", "TKEY", 5, approve=True))
    assert registry.tokens() == [TokenRow("t", "TKEY", 5, approve=True)]
    registry.add_node("a", "KEY1", "t", HOST, approved=False)
    assert not node_store.node("a").approved
    node_store.approve("a")
    node_store.desire("a", "drain")
    node_store.fingerprint("a", "f")
    again = Registry(path)
    row = NodeStore(again).node("a")
    again.close()
    assert (row.approved, row.desired, row.fingerprint) == (True, "drain", "f")


def test_an_unknown_node(registry: Registry) -> None:
    with pytest.raises(NodeNotFound, match="no node is called 'x'"):
        NodeStore(registry).node("x")
