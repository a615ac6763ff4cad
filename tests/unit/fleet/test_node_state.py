"""States of nodes by a clock of our own."""

from __future__ import annotations

from manyeyes.contract import Heartbeat, HostFacts, WorkerReport
from manyeyes.fleet.node_state import Change, Fleet

HOST = HostFacts(hostname="h", system="s", cpu="c", cores=2, memory_bytes=1, python="3.11")


def heartbeat(state: str = "ready", workers: int = 2) -> Heartbeat:
    reports = tuple(WorkerReport(index=i, state="idle") for i in range(workers))
    return Heartbeat(state=state, workers=reports, host=HOST)  # type: ignore[arg-type]


def test_a_silent_node_becomes_suspect_then_lost_and_comes_back() -> None:
    fleet = Fleet(suspect_s=4, lost_s=7)
    fleet.register("a")
    assert fleet.tick(100.0) == []
    assert fleet.heard("a", heartbeat(), 100.0) == Change("a", "joining", "ready", "")
    assert fleet.workers == 2
    assert fleet.tick(103.9) == []
    assert [change.new for change in fleet.tick(104.1)] == ["suspect"]
    assert fleet.workers == 0
    assert [change.new for change in fleet.tick(107.1)] == ["lost"]
    assert fleet.tick(200.0) == []
    assert fleet.heard("a", heartbeat("working"), 200.0) == Change("a", "lost", "working", "")


def test_a_node_that_left_is_not_lost_later() -> None:
    fleet = Fleet(suspect_s=4, lost_s=7)
    fleet.heard("a", heartbeat(), 0.0)
    assert fleet.left("a") == Change("a", "ready", "left", "said goodbye")
    assert fleet.tick(1000.0) == []
    assert fleet.counts() == {"left": 1}


def test_who_leaves_may_say_why_and_who_is_removed_is_forgotten() -> None:
    fleet = Fleet(suspect_s=4, lost_s=7)
    fleet.heard("a", heartbeat("paused"), 0.0)
    assert fleet.workers == 0
    assert fleet.left("a", "shut down") == Change("a", "paused", "left", "shut down")
    fleet.removed("a")
    fleet.removed("a")
    assert fleet.counts() == {}


def test_an_unknown_node_cannot_leave() -> None:
    assert Fleet(4, 7).left("x") is None


def test_a_master_that_stood_still_takes_nobody_for_lost() -> None:
    fleet = Fleet(suspect_s=4, lost_s=7)
    fleet.heard("a", heartbeat(), 100.0)
    fleet.slept(30.0)
    assert fleet.tick(131.0) == []
    assert [change.new for change in fleet.tick(137.5)] == ["lost"]


def test_why_a_node_is_not_understood_is_news_once() -> None:
    fleet = Fleet(suspect_s=4, lost_s=7)
    assert not fleet.version_mismatch("a", "it speaks 6")
    fleet.register("a")
    assert fleet.version_mismatch("a", "it speaks 6")
    assert not fleet.version_mismatch("a", "it speaks 6")
    assert fleet.version_mismatch("a", "it speaks 7") and fleet.nodes["a"].reason == "it speaks 7"
    fleet.heard("a", heartbeat(), 0.0)
    assert fleet.version_mismatch("a", "it speaks 7"), "it was understood in between"
