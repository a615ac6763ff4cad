"""What an agent does next, in every order of events, and what its heartbeats call that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyeyes.contract import WorkerReport
from manyeyes.errors import IdentityInUse, NodeRemoved, VersionMismatch
from manyeyes.node.node_state import (
    APPROVAL_S,
    ENDS,
    Approved,
    AwaitApproval,
    Begin,
    BeginSending,
    Connect,
    Connected,
    Doing,
    Emptied,
    Empty,
    End,
    Event,
    FetchPack,
    ForceEnd,
    JoinFailed,
    ModeChanged,
    NodeLife,
    PackHere,
    Phase,
    Reconnected,
    RefreshGallery,
    Refused,
    Removed,
    ReturnWaiting,
    SayHello,
    SendHeartbeat,
    Shutdown,
    StartWorkers,
    StillUnapproved,
    Stop,
    TurnPool,
    Unresponsive,
    Welcomed,
    told_state,
)
from manyeyes.node.packs.launch import Launch

nothing: Any = None
PACK = Launch(Path("/pack"), "p@1", "sha", nothing)
LOCAL, REMOTE = "stopped on the machine itself", "shut down by an operator"
JOINED = (Begin(), Connected())
APPROVED = (*JOINED, Welcomed(True))
EMPTIED = (*APPROVED, PackHere(PACK))
READY = (*EMPTIED, ModeChanged("work"))


def after(*events: Event) -> NodeLife:
    life = NodeLife("lab-3", "s1")
    for event in events:
        life.handle(event)
    return life


def test_a_node_joins_fetches_the_pack_and_works() -> None:
    life = NodeLife("lab-3", "s1")
    assert life.handle(Begin()) == [Connect()]
    assert life.handle(Connected()) == [SayHello()] and life.phase == "joining"
    assert life.handle(Welcomed(True)) == [BeginSending(), FetchPack()] and life.phase == "fetching the pack"
    assert life.handle(PackHere(PACK)) == [StartWorkers(PACK)] and life.phase == "emptied"
    assert life.handle(ModeChanged("work")) == [TurnPool("work")] and life.phase == "ready"
    assert life.handle(ModeChanged("work")) == []
    assert life.handle(ModeChanged("pause")) == [TurnPool("pause")] and life.phase == "paused"


def test_a_node_that_is_not_approved_says_hello_again_and_gets_neither_pack_nor_pictures() -> None:
    life = after(*JOINED)
    assert life.handle(Welcomed(False)) == [BeginSending(), AwaitApproval(APPROVAL_S)]
    assert life.handle(StillUnapproved()) == [SayHello()]
    assert life.handle(Welcomed(False)) == [AwaitApproval(APPROVAL_S)]
    assert life.phase == "waiting for approval"
    assert life.handle(PackHere(PACK)) == life.handle(ModeChanged("work")) == []
    assert life.handle(Approved()) == [FetchPack()]
    assert life.handle(Approved()) == life.handle(StillUnapproved()) == []
    assert after(*JOINED, Welcomed(False)).handle(Welcomed(True)) == [FetchPack()]


def test_an_approval_that_comes_before_the_welcome_counts() -> None:
    life = after(*JOINED, Approved())
    assert life.handle(Welcomed(False)) == [BeginSending(), FetchPack()]
    life.handle(Reconnected())
    life.handle(Welcomed(False))
    assert life.handle(Stop()) == [End(LOCAL, send_logs=True)]


def test_after_a_break_a_node_says_hello_and_catches_up() -> None:
    life = after(*READY)
    assert life.handle(Reconnected()) == [SendHeartbeat(), SayHello()]
    assert life.handle(Welcomed(True)) == [SendHeartbeat(), RefreshGallery()]
    assert life.handle(Welcomed(False)) == [SendHeartbeat(), RefreshGallery()], "an approval stays"
    assert after(*APPROVED, Reconnected()).handle(Welcomed(True)) == [SendHeartbeat()]
    assert after(*JOINED).handle(Reconnected()) == [], "the hello is under way"


def test_a_node_with_workers_empties_before_it_leaves() -> None:
    life = after(*READY)
    assert life.handle(Stop()) == [SendHeartbeat(), Empty()] and life.phase == "draining"
    assert life.handle(Stop()) == life.handle(ModeChanged("pause")) == life.handle(Welcomed(True)) == []
    assert life.handle(Emptied()) == [End(LOCAL, send_logs=True)] and life.phase == "left"


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ((Begin(),), End()),
        ((), End()),
        (JOINED, End(LOCAL)),
        ((*JOINED, Welcomed(False)), End(LOCAL)),
        (APPROVED, End(LOCAL, send_logs=True)),
    ],
)
def test_a_node_without_workers_leaves_at_once(events: tuple[Event, ...], end: End) -> None:
    life = after(*events)
    assert life.handle(Stop()) == [end] and life.phase == "left"


def test_an_operator_who_shuts_a_node_down_is_named_in_its_farewell() -> None:
    assert after(*APPROVED).handle(Shutdown()) == [End(REMOTE, send_logs=True)]
    life = after(*READY, Stop())
    assert life.handle(Shutdown()) == []
    assert life.handle(Emptied()) == [End(REMOTE, send_logs=True)]


@pytest.mark.parametrize("events", [JOINED, APPROVED, READY, (*READY, Stop())])
def test_a_second_process_of_one_identity_ends_at_once_also_while_it_drains(
    events: tuple[Event, ...],
) -> None:
    life = after(*events)
    assert life.handle(Refused("another", "in use")) == []
    force, end = life.handle(Refused("s1", "node lab-3 runs elsewhere"))
    assert isinstance(force, ForceEnd) and isinstance(force.error, IdentityInUse)
    assert force.error.detail.startswith("node lab-3 runs elsewhere; start it with a token")
    assert end == End(error=force.error) and life.phase == "refused"


def test_a_removed_node_ends_at_once_unless_it_leaves_anyway() -> None:
    life = after(*READY)
    force, end = life.handle(Removed())
    assert isinstance(force, ForceEnd) and isinstance(force.error, NodeRemoved)
    assert "no longer knows node 'lab-3'" in force.error.detail
    assert end == End(error=force.error) and life.phase == "removed"
    assert after(*READY, Stop()).handle(Removed()) == []


def test_a_hello_that_is_refused_ends_the_node_with_that_error_unless_it_leaves_anyway() -> None:
    error = VersionMismatch("no common version")
    life = after(*JOINED)
    assert life.handle(JoinFailed(error)) == [End(error=error)] and life.phase == "refused"
    assert after(*READY, Stop()).handle(JoinFailed(error)) == []


def test_a_node_whose_answers_do_not_arrive_returns_what_waits() -> None:
    assert after(*READY).handle(Unresponsive("silence")) == [ReturnWaiting("silence"), SendHeartbeat()]


EVENTS = st.sampled_from(
    [
        Begin(), Connected(), Reconnected(), Welcomed(True), Welcomed(False), Approved(), StillUnapproved(), PackHere(PACK),
        ModeChanged("work"), ModeChanged("pause"), ModeChanged("empty"), Unresponsive(""), Stop(), Shutdown(),
        Refused("s1", ""), Refused("other", ""), Removed(), JoinFailed(VersionMismatch("")), Emptied(),
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(EVENTS, max_size=40))
def test_in_every_order_work_begins_once_after_the_approval_and_the_node_ends_once(
    events: list[Event],
) -> None:
    life, done = NodeLife("lab-3", "s1"), []
    for event in [*events, Stop(), Emptied()]:
        told = life.handle(event)
        assert not any(isinstance(one, End) for one in done) or not told, "nothing follows the end"
        for one in told:
            assert not isinstance(one, FetchPack | StartWorkers) or life.approved
            assert not isinstance(one, TurnPool | Empty | RefreshGallery) or StartWorkers(PACK) in done
            assert not isinstance(one, End) or not (one.leave_reason and one.error), (
                "cut off, it sends no `Leave`"
            )
            assert not isinstance(one, End) or life.phase in ENDS
            done.append(one)
    assert sum(isinstance(one, End) for one in done) == 1
    assert max(done.count(BeginSending()), done.count(FetchPack()), done.count(StartWorkers(PACK))) <= 1


def report(state: Any) -> WorkerReport:
    return WorkerReport(index=0, state=state)


HOURS = "outside its hours 22:00-07:00"
TWO_WORK = Doing(any_ready=True, troubles=("", ""), reports=(report("idle"), report("busy")))
ONE_RESTS = Doing(any_ready=True, troubles=("", "signal 11"), reports=(report("idle"), report("resting")))


@pytest.mark.parametrize(
    ("phase", "doing", "told"),
    [
        ("joining", Doing(), ("waiting for approval", "'manyeyes nodes approve lab-3' lets it in")),
        ("waiting for approval", Doing(), ("waiting for approval", "'manyeyes nodes approve lab-3' lets it in")),
        ("fetching the pack", Doing(), ("provisioning", "starting workers")),
        ("fetching the pack", Doing(provisioning="asking for the pack"), ("provisioning", "asking for the pack")),
        ("emptied", Doing(), ("provisioning", "starting workers")),
        ("emptied", Doing(mode_reason=HOURS), ("paused", HOURS)),
        ("paused", Doing(in_hand=2, mode_reason=HOURS), ("draining", f"2 pictures in hand; {HOURS}")),
        ("draining", Doing(in_hand=2), ("draining", "2 pictures in hand")),
        ("ready", Doing(), ("provisioning", "starting workers")),
        ("ready", Doing(troubles=("", "no file")), ("provisioning", "no file")),
        ("ready", Doing(provisioning="trying p@2", troubles=("no",)), ("provisioning", "trying p@2")),
        ("ready", Doing(too_little="--memory 1M", provisioning="x"), ("provisioning", "--memory 1M")),
        ("ready", TWO_WORK, ("working", "")),
        ("ready", ONE_RESTS, ("ready", "1 of 2 workers rest: signal 11")),
        ("ready", Doing(any_ready=True, provisioning="trying p@2"), ("ready", "trying p@2")),
    ],
)  # fmt: skip
def test_heartbeats_name_what_the_node_does(phase: Phase, doing: Doing, told: tuple[str, str]) -> None:
    assert told_state(phase, "lab-3", doing) == told
