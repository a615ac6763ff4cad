"""What nodes did reaches the store once, and only for nodes that it knows."""

from __future__ import annotations

import sqlite3
from types import SimpleNamespace
from typing import Any

import pytest

from manyeyes.contract import HostFacts
from manyeyes.dispatch.statistics import Statistics
from manyeyes.fleet.node_activity import NodeActivity
from manyeyes.fleet.node_state import Fleet
from manyeyes.store.repositories import Store

HOST = HostFacts(hostname="h", system="s", cpu="c", cores=1, memory_bytes=1, python="3")


def test_counts_are_recorded_once_and_last_seen_stays(store: Store) -> None:
    store.nodes.add("a", "U1", "t", HOST)
    store.nodes.add("b", "U2", "t", HOST)
    statistics = Statistics()
    statistics.by_node = {"b": (3, 1), "stranger": (9, 9)}
    dispatcher: Any = SimpleNamespace(statistics=statistics)
    activity = NodeActivity(store.nodes, dispatcher, Fleet(4.0, 7.0))
    activity.heard("a")
    activity.record()
    activity.record()
    a, b = store.nodes.all()
    assert (a.last_seen, a.done, a.failed) == (activity.last_seen["a"], 0, 0)
    assert (b.done, b.failed) == (3, 1) and statistics.by_node == {}
    activity.forget("a")
    assert not activity.last_seen


def test_a_node_that_left_is_remembered_until_it_is_back(store: Store) -> None:
    store.nodes.add("a", "U1", "t", HOST)
    fleet = Fleet(4.0, 7.0)
    fleet.register("a")
    dispatcher: Any = SimpleNamespace(statistics=Statistics())
    activity = NodeActivity(store.nodes, dispatcher, fleet)
    fleet.left("a", "stopped")
    assert store.nodes.node("a").left_reason == "", (
        "written with the next record only: nodes cannot make many writes"
    )
    activity.record()
    assert store.nodes.node("a").left_reason == "stopped"
    again = NodeActivity(store.nodes, dispatcher, fleet)
    fleet.nodes["a"].state = "ready"
    again.record()
    assert store.nodes.node("a").left_reason == ""


def test_counts_that_could_not_be_written_are_written_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.nodes.add("a", "U1", "t", HOST)
    statistics = Statistics()
    dispatcher: Any = SimpleNamespace(statistics=statistics)
    activity = NodeActivity(store.nodes, dispatcher, Fleet(4.0, 7.0))

    def full(_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as disk:
        disk.setattr(store.nodes, "record_seen", full)
        statistics.by_node = {"a": (2, 1)}
        with pytest.raises(sqlite3.OperationalError):
            activity.record()
    statistics.by_node = {"a": (3, 0)}
    activity.record()
    activity.record()
    (a,) = store.nodes.all()
    assert (a.done, a.failed) == (5, 1)
