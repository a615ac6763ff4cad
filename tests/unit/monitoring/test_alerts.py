"""What needs a person: each kind appears where it should, and not a step before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from manyeyes import contract
from manyeyes.config import AlertLimits
from manyeyes.contract import Introduction
from manyeyes.contract.mismatch import SAME_ON_BOTH, UPDATE_MASTER, UPDATE_NODE, unreadable_node
from manyeyes.monitoring.alert_facts import Alert, CertificateFacts, Disk, Facts, NodeFacts
from manyeyes.monitoring.alerts import Noticed, find_alerts
from manyeyes.monitoring.time_series import RecentCounts
from manyeyes.version import VERSION

LIMITS = AlertLimits()
GIB, MIB = 1024**3, 1024**2
ROOM = Disk(50 * GIB, 100 * GIB)
NODE = NodeFacts("a", "ready", disk=ROOM)
GOOD = Facts(
    nodes=(NODE,),
    engine_answers=True,
    disk=ROOM,
    waiting=0,
    oldest_waiting_s=0.0,
    people=3,
    photos_to_embed=0,
    up_for_s=3600.0,
)


def kinds(facts: Facts) -> list[str]:
    return [one.kind for one in find_alerts(facts, LIMITS)]


def test_nothing_needs_a_person_where_all_is_well() -> None:
    assert kinds(GOOD) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"engine_answers": False}, ["engine"]),
        ({"nodes": ()}, ["no-node"]),
        ({"nodes": (replace(NODE, state="paused"),)}, ["no-ready-node"]),
        ({"nodes": (replace(NODE, state="working"),)}, []),
        ({"disk": Disk(5 * GIB, 100 * GIB)}, []),
        ({"disk": Disk(GIB - 1, 100 * GIB)}, ["disk-low"]),
        ({"disk": Disk(20 * MIB, 100 * GIB)}, ["disk-full"]),
        ({"disk": Disk(200 * MIB, 256 * MIB)}, []),
        ({"waiting": 5, "oldest_waiting_s": 29.0}, []),
        ({"waiting": 5, "oldest_waiting_s": 31.0}, ["queue"]),
        ({"photos_to_embed": 4}, ["embed-again"]),
        ({"people": 0}, ["no-people"]),
        ({"plain_http": "0.0.0.0:8080"}, ["plain-http"]),
        ({"certificate": CertificateFacts("c.pem", 15 * 86_400.0)}, []),
        ({"certificate": CertificateFacts("c.pem", 13 * 86_400.0)}, ["certificate-ends"]),
        ({"certificate": CertificateFacts("c.pem", 99 * 86_400.0, "does not fit")}, ["certificate"]),
    ],
)
def test_the_service(change: dict[str, Any], expected: list[str]) -> None:
    assert kinds(replace(GOOD, **change)) == expected


@pytest.mark.parametrize(("up_for_s", "severity"), [(3.0, "info"), (29.0, "info"), (31.0, "critical")])
@pytest.mark.parametrize("nodes", [(), (replace(NODE, state="lost"),)])
def test_nodes_have_time_to_come_back_after_a_start(
    nodes: tuple[NodeFacts, ...], up_for_s: float, severity: str
) -> None:
    (alert,) = find_alerts(replace(GOOD, nodes=nodes, up_for_s=up_for_s), LIMITS)
    assert alert.severity == severity
    if nodes:
        assert alert.sentence.startswith("no node takes pictures") and "(1 joined)" in alert.sentence


def test_a_later_and_worse_alert_of_the_same_kind_is_news() -> None:
    noticed = Noticed(lambda: "now")
    waits = replace(GOOD, nodes=(), up_for_s=1.0)
    assert noticed.update(find_alerts(waits, LIMITS))
    assert not noticed.update(find_alerts(waits, LIMITS))
    assert noticed.update(find_alerts(replace(waits, up_for_s=60.0), LIMITS))


@pytest.mark.parametrize(
    ("change", "severity", "said"),
    [
        ({"plain_http": "127.0.0.1:8080"}, "info", "this machine only"),
        ({"plain_http": "[::1]:8080"}, "info", "this machine only"),
        ({"plain_http": "10.0.0.4:8080"}, "warning", "can be read on their way"),
        ({"certificate": CertificateFacts("c.pem", 3 * 86_400.0)}, "warning", "expires in 3 d"),
        ({"certificate": CertificateFacts("c.pem", -1.0)}, "critical", "has expired"),
    ],
)
def test_how_users_reach_the_master(change: dict[str, Any], severity: str, said: str) -> None:
    (alert,) = find_alerts(replace(GOOD, **change), LIMITS)
    assert alert.severity == severity and said in alert.sentence


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"state": "waiting for approval"}, ["approval"]),
        ({"state": "waiting for approval", "pack_failures": 9, "disk": Disk(0, 0)}, ["approval"]),
        ({"state": "suspect", "state_for_s": 59.0}, []),
        ({"state": "suspect", "state_for_s": 61.0}, ["silent"]),
        ({"state": "lost", "state_for_s": 61.0}, ["silent"]),
        ({"state": "left", "state_for_s": 61.0}, []),
        ({"state": "suspect", "unresponsive": True, "reason": "answers nothing"}, ["unresponsive"]),
        ({"cut_off": "it says too much"}, ["cut-off"]),
        ({"state": "provisioning", "pack_failures": 1}, []),
        ({"state": "provisioning", "pack_failures": 2}, ["pack"]),
        ({"recent_counts": RecentCounts(done=1, at_fault=2)}, []),
        ({"recent_counts": RecentCounts(done=1, at_fault=3)}, ["failing"]),
        ({"recent_counts": RecentCounts(done=100, at_fault=3)}, []),
        ({"recent_counts": RecentCounts(failed=100)}, []),
        ({"recent_counts": RecentCounts(restarts=2)}, []),
        ({"recent_counts": RecentCounts(restarts=3)}, ["crashing"]),
        ({"disk": Disk(MIB, 100 * GIB)}, ["disk-full"]),
        ({"disk": Disk(MIB, 100 * GIB), "state": "left"}, []),
        ({"disk": None}, []),
    ],
)
def test_a_node(change: dict[str, Any], expected: list[str]) -> None:
    facts = replace(GOOD, nodes=(NodeFacts("b", "ready"), replace(NODE, **change)))
    found = find_alerts(facts, LIMITS)
    assert [one.kind for one in found] == expected
    assert all("node a" in one.sentence and one.node == "a" and one.what_to_do for one in found)
    assert all(one.severity == "warning" for one in found), "the service goes on without one node"


def test_the_worst_comes_first_and_many_alike_are_one() -> None:
    nodes = tuple(NodeFacts(f"n{number}", "lost", state_for_s=100) for number in range(1000))
    found = find_alerts(replace(GOOD, nodes=nodes, people=0), LIMITS)
    assert [one.kind for one in found] == ["no-ready-node", "silent", "no-people"]
    assert [one.severity for one in found] == ["critical", "warning", "info"]
    assert found[1].node == ""
    assert found[1].sentence.startswith("1000 nodes: n0, n1, n2 and 997 more")


def test_since_when_is_remembered_and_figures_alone_are_no_change() -> None:
    moments = iter(["1st", "2nd", "3rd", "4th", "5th"])
    noticed = Noticed(lambda: next(moments))

    def queue(seconds: int) -> Alert:
        return Alert("queue", "warning", "", f"for {seconds} s", "wait")

    other = Alert("approval", "warning", "a", "waits", "approve")
    assert noticed.update([queue(31)])
    assert not noticed.update([queue(32)])
    assert [(one.sentence, one.since) for one in noticed.alerts] == [("for 32 s", "1st")]
    assert noticed.update([other, queue(33)])
    assert [one.since for one in noticed.alerts] == ["2nd", "1st"]
    assert noticed.update([])
    assert noticed.update([queue(31)])
    assert [one.since for one in noticed.alerts] == ["3rd"]


@pytest.mark.parametrize(
    "said", [Introduction(contract.OLDEST, contract.NEWEST), Introduction(99, 99), Introduction(1, 1)]
)
def test_a_node_of_another_version_is_told_with_both_versions_and_what_to_do(said: Introduction) -> None:
    refused = unreadable_node(said).detail
    (alert,) = find_alerts(
        replace(GOOD, nodes=(NODE, replace(NODE, name="b", version_mismatch=refused))), LIMITS
    )
    assert "the node speaks" in alert.sentence and f"(manyeyes {VERSION})" in alert.sentence
    assert alert.sentence.startswith("node b and the master do not understand each other: the ")
    assert alert.what_to_do in (SAME_ON_BOTH, UPDATE_MASTER, UPDATE_NODE)
