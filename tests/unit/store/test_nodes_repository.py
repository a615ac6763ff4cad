"""What is kept of nodes: approval, wishes, and that a removed key stays removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyeyes.contract import HostFacts
from manyeyes.errors import NodeNotFound
from manyeyes.store.credentials import TokenRow
from manyeyes.store.nodes import NodeCounts
from manyeyes.store.repositories import Store

HOST = HostFacts(hostname="h", system="s", cpu="c", cores=2, memory_bytes=1, python="3.11")


def test_a_removed_node_is_remembered_by_its_key_and_frees_its_name(store: Store, path: Path) -> None:
    store.nodes.add("a", "KEY1", "t1", HOST, fingerprint="f")
    store.nodes.remove("a")
    assert store.nodes.all() == []
    with pytest.raises(
        NodeNotFound, match=r"'a' was removed at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; .* those that are left"
    ):
        store.nodes.node("a")
    again = Store.open(path)
    gone = again.nodes.removed_key("KEY1")
    again.close()
    assert gone is not None
    assert gone.name == "a"
    store.nodes.add("a", "KEY2", "t2", HOST, fingerprint="f")
    assert store.nodes.removed_key("KEY2") is None
    assert store.nodes.node("a").token_id == "t2"


def test_nodes_on_one_machine_are_known_as_such(store: Store) -> None:
    for name, fingerprint in (("a", "f"), ("b", "f"), ("c", "g"), ("d", ""), ("e", "")):
        store.nodes.add(name, f"KEY-{name}", "t", HOST, fingerprint=fingerprint)
    store.nodes.remove("b")
    assert store.nodes.same_host(store.nodes.node("a")) == ("b (removed)",)
    assert store.nodes.same_host(store.nodes.node("c")) == ()
    assert store.nodes.same_host(store.nodes.node("d")) == ()


def test_approval_and_wishes_are_kept(store: Store, path: Path) -> None:
    store.credentials.add_token(TokenRow("t", "TKEY", 5, approve=True))
    assert store.credentials.tokens() == [TokenRow("t", "TKEY", 5, approve=True)]
    store.nodes.add("a", "KEY1", "t", HOST, approved=False)
    assert not store.nodes.node("a").approved
    store.nodes.approve("a")
    store.nodes.desire("a", "drain")
    store.nodes.set_fingerprint("a", "f")
    again = Store.open(path)
    row = again.nodes.node("a")
    again.close()
    assert (row.approved, row.desired, row.fingerprint) == (True, "drain", "f")


def test_counts_add_up_over_records(store: Store) -> None:
    for name in ("a", "b"):
        store.nodes.add(name, f"KEY-{name}", "t", HOST)
    store.nodes.record_seen({"a": ("2026-01-01", 3, 1), "gone": ("2026-01-01", 9, 9)})
    store.nodes.record_seen({"a": ("2026-01-02", 4, 0)})
    assert store.nodes.counts()["a"] == NodeCounts("2026-01-02", done=7, failed=1)
    assert (store.nodes.node("a").done, store.nodes.node("b").done) == (7, 0)
    assert set(store.nodes.counts()) == {"a", "b"}


def test_an_unknown_node(store: Store) -> None:
    with pytest.raises(NodeNotFound, match="no node is called 'x'"):
        store.nodes.node("x")
