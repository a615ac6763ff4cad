"""Decides what a slot does next, from events and the clock that it is given; no I/O.

A slot keeps one worker alive and gives it one picture at a time. Whatever order events come in: no more than one
picture is in hand, only a living worker is given one, each picture that was given ends exactly once, and a slot that
is drained ends. `docs/architecture-states.md` shows the states as a diagram.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from manyeyes.contract import Outcome
from manyeyes.node.packs.launch import Launch
from manyeyes.node.retry import pause_after
from manyeyes.node.worker.picture import Picture
from manyeyes.node.worker.restarts import Backoff

State = Literal["starting", "idle", "busy", "resting"]
"""As heartbeats tell it."""
Phase = State | Literal["ended"]

# events


@dataclass(frozen=True)
class Begin:
    """The slot is filled for the first time."""


@dataclass(frozen=True)
class Started:
    """The requested worker has started and replaced the one before it."""

    launch: Launch


@dataclass(frozen=True)
class StartFailed:
    """The requested worker did not start; the one before it stays."""

    why: str


@dataclass(frozen=True)
class WorkerEnded:
    """The worker's process ended by itself."""


@dataclass(frozen=True)
class Given:
    """A picture is to be worked on."""

    picture: Picture


@dataclass(frozen=True)
class Worked:
    """The attempt at the picture in hand ended; `crashed` where the worker died with it."""

    outcome: Outcome
    body: bytes = b""


@dataclass(frozen=True)
class PauseOver:
    """The requested pause is over."""


@dataclass(frozen=True)
class Switch:
    """The slot must switch to another pack."""

    launch: Launch


@dataclass(frozen=True)
class Drain:
    """The slot must end."""


Event = Begin | Started | StartFailed | WorkerEnded | Given | Worked | PauseOver | Switch | Drain

# instructions


@dataclass(frozen=True)
class StartWorker:
    """Start a worker, and stop the one that is here once the new one lives; then say `Started` or `StartFailed`."""

    launch: Launch


@dataclass(frozen=True)
class TakeNext:
    """Give the picture that waits longest, if one waits; say `WorkerEnded` instead where the worker has ended."""


@dataclass(frozen=True)
class Work:
    """Have the worker recognise the picture, then say `Worked`."""

    picture: Picture


@dataclass(frozen=True)
class EndPicture:
    """Report how an attempt ended."""

    picture: Picture
    outcome: Outcome
    body: bytes


@dataclass(frozen=True)
class DropWorker:
    """Kill the worker, if it still lives; the slot has none from now on."""


@dataclass(frozen=True)
class Pause:
    """Log `event` and why, wait, then say `PauseOver`."""

    event: str
    why: str
    pause_s: float


@dataclass(frozen=True)
class TellChanged:
    """Tell the pool that the slot takes pictures now, or takes none."""


@dataclass(frozen=True)
class TellSwitched:
    """Tell the caller of `switch` that the worker runs the new pack."""


@dataclass(frozen=True)
class CancelWait:
    """Cancel the current start or pause; no event follows from it."""


@dataclass(frozen=True)
class Finish:
    """Stop the worker, if there is one, and end."""


Instruction = (
    StartWorker
    | TakeNext
    | Work
    | EndPicture
    | DropWorker
    | Pause
    | TellChanged
    | TellSwitched
    | CancelWait
    | Finish
)


@dataclass
class SlotState:
    """The state of one slot: takes events, returns instructions.

    Args:
        wanted: what its worker should run.
    """

    wanted: Launch
    running: Launch | None = None
    """What the current worker runs; None: there is no worker."""
    state: State = "starting"
    fit: bool = False
    """Whether a worker lives here that takes pictures; it does while a new one is started beside it, too."""
    trouble: str = ""
    """Why the slot rests; empty once a worker takes pictures again."""
    picture: Picture | None = None
    """The picture that its worker has now."""
    busy_since: float | None = None
    lost: bool = False
    """Whether the worker's process ended, and the slot has not replaced it yet."""
    switching: bool = False
    """Whether somebody waits until the worker runs what is wanted."""
    lacking: int = 0
    """How many pictures in a row could not be begun, since the gallery is not here."""
    draining: bool = False
    ended: bool = False
    backoff: Backoff = field(default_factory=Backoff)

    @property
    def phase(self) -> Phase:
        """The state, or that it has ended."""
        return "ended" if self.ended else self.state

    @property
    def takes(self) -> bool:
        """Whether a picture that is given now is worked on."""
        return self.phase == "idle"

    def handle(self, event: Event, now: float) -> list[Instruction]:
        """Return the instructions for an event, in order. An event that comes too late changes nothing."""
        match event:
            case Given(picture):
                return self._given(picture, now)
            case Worked(outcome, body):
                return self._worked(outcome, body, now)
            case _ if self.ended:
                return []
            case Begin():
                return self._start(now) if self.state == "starting" else []
            case Started(launch):
                return self._started(launch, now)
            case StartFailed(why):
                return self._rest(why, now) if self.state == "starting" else []
            case WorkerEnded():
                return self._worker_ended(now)
            case PauseOver():
                return self._go_on(now) if self.state == "resting" else []
            case Switch(launch):
                self.wanted, self.switching = launch, True
                return self._go_on(now) if self.state == "idle" else []
            case Drain():
                return self._drain()

    def _given(self, picture: Picture, now: float) -> list[Instruction]:
        if not self.takes:
            return [EndPicture(picture, picture.ended("returned"), b"")]
        self.state, self.picture, self.busy_since = "busy", picture, now
        return [Work(picture)]

    def _worked(self, outcome: Outcome, body: bytes, now: float) -> list[Instruction]:
        if self.picture is None:
            return []
        end = EndPicture(self.picture, outcome, body)
        self.state, self.picture, self.busy_since = "idle", None, None
        if outcome.status == "crashed":
            return [end, *self._replace(outcome.detail, now)]
        self.lacking = self.lacking + 1 if outcome.status == "returned" else 0
        if self.lacking and not self.draining:
            return [end, *self._pause("a picture returned", outcome.detail, pause_after(self.lacking))]
        return [end, *self._go_on(now)]

    def _started(self, launch: Launch, now: float) -> list[Instruction]:
        if self.state != "starting":
            return []
        self.running, self.lost = launch, False
        return self._go_on(now)

    def _worker_ended(self, now: float) -> list[Instruction]:
        if self.state == "idle":
            return self._replace("an idle worker ended", now)
        self.lost = True
        return []

    def _go_on(self, now: float) -> list[Instruction]:
        """The slot has no picture and waits for nothing: take a picture, unless something else comes first."""
        if self.draining:
            return self._finish()
        if self.running is not self.wanted and self.running != self.wanted:
            return self._start(now)
        if self.lost:
            return self._replace("an idle worker ended", now)
        self.state = "idle"
        told: list[Instruction] = []
        if self.switching:
            self.switching = False
            told.append(TellSwitched())
        if not self.fit:
            self.fit, self.trouble = True, ""
            told.append(TellChanged())
        return [*told, TakeNext()]

    def _start(self, now: float) -> list[Instruction]:
        self.backoff.started(now)
        self.state = "starting"
        return [StartWorker(self.wanted)]

    def _replace(self, why: str, now: float) -> list[Instruction]:
        """The worker is gone."""
        self.running, self.lost = None, False
        return [DropWorker(), *self._rest(why, now)]

    def _rest(self, why: str, now: float) -> list[Instruction]:
        pause_s = self.backoff.ended(now)
        if self.draining:
            self.fit = False
            return self._finish()
        return self._pause("worker replaced", why, pause_s)

    def _pause(self, event: str, why: str, pause_s: float) -> list[Instruction]:
        self.fit, self.state, self.trouble = False, "resting", why
        return [Pause(event, why, pause_s), TellChanged()]

    def _drain(self) -> list[Instruction]:
        self.draining = True
        if self.state == "busy":
            return []
        if self.state == "idle":
            return self._finish()
        return [CancelWait(), *self._finish()]

    def _finish(self) -> list[Instruction]:
        self.ended = True
        return [Finish()]
