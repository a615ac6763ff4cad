"""What a slot does next, by times that are set by hand and in every order of events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.node.pictures import outcome, picture

from manyeyes.contract import Status
from manyeyes.node.packs.launch import Launch
from manyeyes.node.worker.restarts import FIRST_PAUSE_S, HEALTHY_AFTER_S
from manyeyes.node.worker.slot_state import (
    Begin,
    CancelWait,
    Drain,
    DropWorker,
    EndPicture,
    Event,
    Finish,
    Given,
    Instruction,
    Pause,
    PauseOver,
    SlotState,
    Started,
    StartFailed,
    StartWorker,
    Switch,
    TakeNext,
    TellChanged,
    TellSwitched,
    Work,
    Worked,
    WorkerEnded,
)

nothing: Any = None
ONE, TWO = (Launch(Path("/pack"), name, name, nothing) for name in ("p@1", "p@2"))
T = picture("t")


def idle(now: float = 0.0) -> SlotState:
    state = SlotState(ONE)
    assert state.handle(Begin(), now) == [StartWorker(ONE)]
    assert state.handle(Started(ONE), now) == [TellChanged(), TakeNext()]
    return state


def busy(now: float = 0.0) -> SlotState:
    state = idle()
    assert state.handle(Given(T), now) == [Work(T)]
    return state


def ended(status: Status = "done") -> Worked:
    return Worked(outcome(status=status), b"{}")


def test_a_slot_takes_pictures_once_its_worker_lives() -> None:
    state = SlotState(ONE)
    assert (state.phase, state.fit, state.takes) == ("starting", False, False)
    state.handle(Begin(), 0.0)
    assert not state.takes
    state.handle(Started(ONE), 1.0)
    assert (state.phase, state.fit, state.takes) == ("idle", True, True)


def test_a_picture_is_in_hand_until_its_attempt_ended() -> None:
    state = busy(now=5.0)
    assert (state.phase, state.picture, state.busy_since, state.takes) == ("busy", T, 5.0, False)
    done = ended()
    assert state.handle(done, 6.0) == [EndPicture(T, done.outcome, b"{}"), TakeNext()]
    assert (state.phase, state.picture, state.busy_since) == ("idle", None, None)


def test_a_picture_that_cannot_be_taken_is_returned() -> None:
    state, other = busy(), picture("u")
    (end,) = state.handle(Given(other), 0.0)
    assert isinstance(end, EndPicture) and (end.picture, end.outcome.status) == (other, "returned")
    assert state.picture is T


def test_a_crash_ends_the_picture_and_the_slot_rests_longer_each_time() -> None:
    state = busy()
    crashed = ended("crashed")
    end, drop, pause, changed = state.handle(crashed, 1.0)
    assert (end, drop, changed) == (EndPicture(T, crashed.outcome, b"{}"), DropWorker(), TellChanged())
    assert pause == Pause("worker replaced", crashed.outcome.detail, FIRST_PAUSE_S)
    assert (state.phase, state.fit) == ("resting", False)
    assert state.handle(PauseOver(), 2.0) == [StartWorker(ONE)]
    (pause, _) = state.handle(StartFailed("no file"), 3.0)
    assert pause == Pause("worker replaced", "no file", 2 * FIRST_PAUSE_S) and state.trouble == "no file"
    state.handle(PauseOver(), 4.0)
    state.handle(Started(ONE), 5.0)
    assert state.trouble == "" and state.fit
    _, pause, _ = state.handle(WorkerEnded(), 5.0 + HEALTHY_AFTER_S)
    assert pause == Pause("worker replaced", "an idle worker ended", FIRST_PAUSE_S)
    assert state.backoff.restarts == 3


def test_pictures_that_are_returned_make_the_pauses_longer_until_one_is_worked_on() -> None:
    state = idle()
    pauses = []
    for status in ("returned", "returned", "error", "returned"):
        state.handle(Given(T), 0.0)
        told = state.handle(ended(status), 0.0)  # type: ignore[arg-type]
        pauses += [one.pause_s for one in told if isinstance(one, Pause)]
        state.handle(PauseOver(), 0.0)
    assert pauses == [1.0, 2.0, 1.0]


def test_a_worker_that_ends_during_a_pause_is_replaced_after_it() -> None:
    state = busy()
    state.handle(ended("returned"), 0.0)
    assert state.handle(WorkerEnded(), 0.5) == []
    assert state.handle(PauseOver(), 1.0)[0] == DropWorker()
    assert state.phase == "resting" and not state.fit


def test_a_worker_that_ends_just_after_its_picture_gets_no_other() -> None:
    state = busy()
    assert state.handle(WorkerEnded(), 0.0) == []
    told = state.handle(ended(), 0.1)
    assert DropWorker() in told and TakeNext() not in told


def test_another_pack_is_started_between_two_pictures() -> None:
    state = busy()
    assert state.handle(Switch(TWO), 0.0) == []
    assert state.handle(ended(), 1.0)[1:] == [StartWorker(TWO)]
    assert (state.phase, state.fit, state.takes) == ("starting", True, False)
    assert state.handle(Started(TWO), 2.0) == [TellSwitched(), TakeNext()]


def test_the_last_pack_that_was_wanted_counts() -> None:
    state = idle()
    assert state.handle(Switch(TWO), 0.0) == [StartWorker(TWO)]
    assert state.handle(Switch(ONE), 0.0) == []
    assert state.handle(Started(TWO), 1.0) == [StartWorker(ONE)]
    assert TellSwitched() in state.handle(Started(ONE), 2.0)


def test_the_old_worker_goes_on_when_the_new_pack_does_not_start_and_is_wanted_no_more() -> None:
    state = idle()
    state.handle(Switch(TWO), 0.0)
    state.handle(StartFailed("no"), 1.0)
    state.handle(Switch(ONE), 1.0)
    assert state.handle(PauseOver(), 2.0) == [TellSwitched(), TellChanged(), TakeNext()]


@pytest.mark.parametrize("status", ["done", "returned", "crashed"])
def test_a_drained_slot_ends_after_the_picture_in_hand_and_does_not_pause_first(status: Status) -> None:
    state = busy()
    assert state.handle(Drain(), 0.0) == []
    told = state.handle(ended(status), 1.0)
    assert isinstance(told[0], EndPicture) and told[-1] == Finish()
    assert not any(isinstance(one, Pause | StartWorker) for one in told)


def test_a_start_and_a_pause_are_given_up_when_the_slot_is_drained() -> None:
    starting, resting = SlotState(ONE), busy()
    starting.handle(Begin(), 0.0)
    resting.handle(ended("crashed"), 0.0)
    for state in (starting, resting):
        assert state.handle(Drain(), 1.0) == [CancelWait(), Finish()]
        assert state.handle(PauseOver(), 1.0) == state.handle(Started(ONE), 1.0) == []
    assert idle().handle(Drain(), 0.0) == [Finish()]


def test_a_slot_that_is_drained_before_it_began_never_starts_a_worker() -> None:
    state = SlotState(ONE)
    state.handle(Drain(), 0.0)
    assert state.handle(Begin(), 0.0) == [] and state.phase == "ended"


class Shell:
    """Carries out what a slot says; what takes time is answered when the test wants it."""

    def __init__(self) -> None:
        self.state = SlotState(ONE)
        self.now = 0.0
        self.number = 0
        self.waiting: list[Any] = []
        self.in_hand: Any = None
        self.starting: Launch | None = None
        self.pausing = self.finished = self.switching = False
        self.worker: Launch | None = None
        self.worker_lives = False
        self.given: list[str] = []
        self.ends: list[str] = []

    def feed(self, event: Event) -> None:
        for instruction in self.state.handle(event, self.now):
            self.carry_out(instruction)

    def carry_out(self, instruction: Instruction) -> None:
        assert not self.finished, "nothing follows the end"
        match instruction:
            case StartWorker(launch):
                self.wait_for_nothing()
                self.starting = launch
            case TakeNext():
                if not self.worker_lives:
                    self.feed(WorkerEnded())
                elif self.state.takes and self.waiting:
                    self.give(self.waiting.pop(0))
            case Work(found):
                self.wait_for_nothing()
                assert self.worker is not None, "no worker is here"
                assert self.worker == self.state.wanted, "the worker runs another pack"
                self.in_hand = found
            case EndPicture(found):
                self.ends.append(found.task.id)
            case DropWorker():
                self.worker, self.worker_lives = None, False
            case Pause():
                self.wait_for_nothing()
                self.pausing = True
            case TellSwitched():
                assert self.switching, "somebody waits for it"
                assert self.worker == self.state.wanted, "the worker runs another pack"
                self.switching = False
            case CancelWait():
                assert self.in_hand is None
                self.starting, self.pausing = None, False
            case Finish():
                self.wait_for_nothing()
                self.finished = True

    def wait_for_nothing(self) -> None:
        assert self.in_hand is None, "one picture at a time"
        assert self.starting is None and not self.pausing, "one wait at a time"

    def give(self, found: Any) -> None:
        self.given.append(found.task.id)
        self.feed(Given(found))

    def step(self, what: str) -> None:
        """Something happens, where it can."""
        self.now += 0.1
        self.number += 1
        if what == "a picture comes":
            came = picture(f"t{self.number}")
            if self.state.takes:
                self.give(came)
            else:
                self.waiting.append(came)
        elif what == "the worker ends" and self.worker_lives:
            self.worker_lives = False
            self.feed(WorkerEnded())
        elif what == "another pack":
            self.switching = True
            self.feed(Switch(TWO if self.state.wanted == ONE else ONE))
        elif what == "drain":
            self.feed(Drain())
        elif what in ("it starts", "it does not start") and self.starting:
            launch, self.starting = self.starting, None
            if what == "it starts":
                self.worker, self.worker_lives = launch, True
                self.feed(Started(launch))
            else:
                self.feed(StartFailed("no"))
        elif what == "the pause is over" and self.pausing:
            self.pausing = False
            self.feed(PauseOver())
        elif what in ("done", "error", "returned", "crashed") and self.in_hand:
            if what != "crashed" and not self.worker_lives:
                what = "crashed"
            self.worker_lives = what != "crashed"
            had, self.in_hand = self.in_hand, None
            self.feed(Worked(outcome(had.task.id, what)))  # type: ignore[arg-type]


STEPS = (
    "a picture comes", "the worker ends", "another pack", "drain", "it starts", "it does not start",
    "the pause is over", "done", "error", "returned", "crashed",
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=60))
def test_in_every_order_one_picture_is_in_hand_with_a_worker_and_ends_once(steps: list[str]) -> None:
    shell = Shell()
    shell.feed(Begin())
    for what in steps:
        shell.step(what)
        open_pictures = [one for one in shell.given if one not in shell.ends]
        assert open_pictures == ([shell.in_hand.task.id] if shell.in_hand else [])
        assert not (shell.switching and shell.state.takes), "a switch is told before the next picture"
    shell.step("drain")
    shell.step("done")
    assert shell.finished and shell.state.phase == "ended", "a drain waits for the picture in hand alone"
    assert sorted(shell.ends) == sorted(shell.given)


EVENTS = st.sampled_from(
    [
        Begin(), Started(ONE), Started(TWO), StartFailed("no"), WorkerEnded(), PauseOver(), Switch(ONE),
        Switch(TWO), Drain(), ended(), ended("returned"), ended("crashed"), "given",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(EVENTS, max_size=60))
def test_events_that_make_no_sense_lose_no_picture(events: list[Any]) -> None:
    state = SlotState(ONE)
    given_ids: list[str] = []
    ends: list[str] = []
    for event in [*events, Drain(), ended()]:
        if event == "given":
            given_ids.append(f"t{len(given_ids)}")
            event = Given(picture(given_ids[-1]))
        for instruction in state.handle(event, 0.0):
            if isinstance(instruction, EndPicture):
                ends.append(instruction.picture.task.id)
            if isinstance(instruction, Work):
                assert state.running is not None and state.picture is instruction.picture
    assert state.phase == "ended" and sorted(ends) == sorted(given_ids)
