"""What pages say of nodes, and what they offer to do with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from manyeyes.api.nodes import Node, NodeWorker
from manyeyes.console.pages.nodes import facts
from manyeyes.console.pages.nodes.rows import COLUMNS, row
from manyeyes.console.pages.nodes.words import offers

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOST = {"hostname": "attic", "system": "Linux", "cores": 4, "memory_bytes": 8_000_000_000, "python": "3.11"}


def _acts(**facts_of_it: object) -> list[str]:
    node = Node.model_validate({"name": "lab-2", "state": "ready", "host": HOST, **facts_of_it})
    return [offer.act for offer in offers(node)]


@pytest.mark.parametrize(
    ("node", "acts"),
    [
        ({"state": "waiting for approval", "approved": False}, ["approve", "remove"]),
        ({"state": "lost", "approved": False}, ["approve", "remove"]),
        ({}, ["pause", "drain", "shutdown", "remove"]),
        ({"state": "paused", "desired": "pause"}, ["resume", "drain", "shutdown", "remove"]),
        ({"state": "paused", "desired": "drain"}, ["resume", "pause", "shutdown", "remove"]),
        ({"state": "lost"}, ["pause", "drain", "remove"]),
        ({"state": "left", "desired": "drain"}, ["resume", "pause", "remove"]),
    ],
)
def test_what_makes_sense_is_offered(node: dict[str, object], acts: list[str]) -> None:
    assert _acts(**node) == acts


def test_who_is_asked_is_told_what_becomes_of_it() -> None:
    away = {offer.act: offer for offer in offers(Node(name="lab-2", state="lost"))}
    here = {offer.act: offer for offer in offers(Node(name="lab-2", state="ready"))}
    assert "does this when it is back" in away["pause"].what_happens
    assert "does this when it is back" not in here["pause"].what_happens
    assert "go to other nodes" in here["drain"].what_happens
    assert "new token" in here["remove"].what_happens and here["remove"].grave
    assert "no token" in here["shutdown"].what_happens
    assert all("lab-2" in offer.question for offer in here.values())


def test_a_row_changes_only_where_its_node_did() -> None:
    node = Node(name="lab-2", state="ready", last_seen=NOW, host=HOST, workers=2, picture_s=0.5, done=1234)
    first = row(node, lambda name: f"/nodes/{name}", NOW)
    later = node.model_copy(update={"last_seen": NOW + timedelta(seconds=7)})
    assert row(later, lambda name: f"/nodes/{name}", NOW + timedelta(seconds=9)) == first
    assert set(first) == {column.name for column in COLUMNS} | {"key"}
    assert first["pictures_per_s"] == {"text": "4.0/s"} and first["done"] == {"text": "1,234"}
    lost = row(node.model_copy(update={"state": "lost"}), str, NOW + timedelta(hours=3))
    assert lost["last_seen"] == {"text": "3 h ago", "title": "2026-01-02 03:04:05 UTC"}


def test_facts_of_a_node_that_said_nothing_yet() -> None:
    node = Node(name="lab-2", state="joining")
    assert facts.work(node, NOW)["Speed"] == "not known yet"
    assert set(facts.machine(node).values()) == {"–"}
    assert facts.membership(node, NOW)["Fingerprint"] == "none: the machine has no id"


def test_a_nodes_speed_does_not_fall_when_only_the_pictures_grow() -> None:
    node = Node(name="lab-2", state="ready", workers=2, benchmark_s=0.1, picture_s=0.1)
    larger = node.model_copy(update={"picture_s": 0.8})
    assert (
        row(larger, str, NOW)["pictures_per_s"] == row(node, str, NOW)["pictures_per_s"] == {"text": "20.0/s"}
    )
    told = facts.work(larger, NOW)
    assert told["Speed"] == "20.0 pictures/s; 100 ms on one worker, on the pack's test picture"
    assert told["Recent pictures"] == "800 ms each on one worker"
    bare = facts.work(larger.model_copy(update={"benchmark_s": 0.0}), NOW)
    assert bare["Speed"] == "2.5 pictures/s; 800 ms on one worker, by recent pictures"


def test_how_busy_a_machine_is() -> None:
    busy = {**HOST, "cpu_share": 0.354, "memory_used_bytes": 3_100_000_000}
    told = facts.machine(Node(name="lab-2", state="ready", host=busy))
    assert (told["Cores"], told["Memory"]) == ("4, 35 % busy", "3.1 GB of 8.0 GB in use")
    told = facts.machine(Node(name="lab-2", state="ready", host=HOST))
    assert (told["Cores"], told["Memory"]) == ("4", "8.0 GB")


def test_workers() -> None:
    assert facts.worker(NodeWorker(index=0, state="busy", busy_s=3.4, restarts=2, pid=17)) == (
        "0",
        "busy",
        "3 s",
        "2",
        "17",
    )
    assert facts.worker(NodeWorker(index=1, state="idle", busy_s=3.4))[2] == ""
