"""Decides what an agent does next, from joining to its end, and which state its heartbeats report.

Every event is answered with instructions; there is no I/O here, no asyncio and no clock. Whatever order events come
in: work begins once, after the approval; the agent ends exactly once; one that was cut off sends no `Leave`, since
what it held belongs to others by then. `docs/architecture-states.md` shows the phases as a diagram.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from manyeyes.contract import NodeState, WorkerReport
from manyeyes.errors import IdentityInUse, ManyeyesError, NodeRemoved
from manyeyes.node.packs.launch import Launch
from manyeyes.node.worker.mode import Mode
from manyeyes.wording import several

APPROVAL_S = 30.0
"""How often a node that waits for its approval says hello again."""

Phase = Literal[
    "joining",
    "waiting for approval",
    "fetching the pack",
    "ready",
    "paused",
    "emptied",
    "draining",
    "refused",
    "removed",
    "left",
]
"""The last three are ends: refused by the master, removed there, or left."""
ENDS: frozenset[Phase] = frozenset({"refused", "removed", "left"})
_BY_MODE: dict[Mode, Phase] = {"work": "ready", "pause": "paused", "empty": "emptied"}

# events


@dataclass(frozen=True)
class Begin:
    """The agent was started."""


@dataclass(frozen=True)
class Connected:
    """The engine is connected, and messages of masters to this node arrive."""


@dataclass(frozen=True)
class Reconnected:
    """The connection broke and is back. Broadcasts may be lost, and the master may be a different one."""


@dataclass(frozen=True)
class Welcomed:
    """A master answered the hello."""

    approved: bool


@dataclass(frozen=True)
class Approved:
    """An operator let this node in."""


@dataclass(frozen=True)
class StillUnapproved:
    """The wait for an approval that was asked for is over."""


@dataclass(frozen=True)
class PackHere:
    """The pack is whole and workers can be started with it."""

    launch: Launch


@dataclass(frozen=True)
class ModeChanged:
    """The mode that the operator and this node's own limits want; it may be the same as before."""

    mode: Mode


@dataclass(frozen=True)
class Unresponsive:
    """A master gets heartbeats of this node but no answers."""

    detail: str


@dataclass(frozen=True)
class Stop:
    """This node is stopped on its machine."""


@dataclass(frozen=True)
class Shutdown:
    """A master reports that an operator shuts this node down."""


@dataclass(frozen=True)
class Refused:
    """A master tells a session to end."""

    session: str
    detail: str


@dataclass(frozen=True)
class Removed:
    """The engine refuses this node's key."""


@dataclass(frozen=True)
class JoinFailed:
    """Connecting or the hello failed, and trying again does not help."""

    error: ManyeyesError


@dataclass(frozen=True)
class Emptied:
    """All work has ended and is confirmed, or is left to other nodes."""


Event = (
    Begin
    | Connected
    | Reconnected
    | Welcomed
    | Approved
    | StillUnapproved
    | PackHere
    | ModeChanged
    | Unresponsive
    | Stop
    | Shutdown
    | Refused
    | Removed
    | JoinFailed
    | Emptied
)

# instructions


@dataclass(frozen=True)
class Connect:
    """Connect to the engine, then send `Connected`."""


@dataclass(frozen=True)
class SayHello:
    """Send the hello until a master answers, then send `Welcomed`. An earlier hello or wait is cancelled."""


@dataclass(frozen=True)
class AwaitApproval:
    """Log that an operator must approve this node, and send `StillUnapproved` after `APPROVAL_S` seconds."""

    seconds: float


@dataclass(frozen=True)
class BeginSending:
    """From now on send heartbeats, outcomes, credit and log lines, and answer calls."""


@dataclass(frozen=True)
class FetchPack:
    """Receive dispatches, calls and the masters' state, fetch the pack and the gallery, then send `PackHere`."""


@dataclass(frozen=True)
class StartWorkers:
    """Make the pool, and follow the wanted mode and the pack in use."""

    launch: Launch


@dataclass(frozen=True)
class TurnPool:
    """Switch the pool to a mode."""

    mode: Mode


@dataclass(frozen=True)
class RefreshGallery:
    """Fetch what changed of the gallery."""


@dataclass(frozen=True)
class SendHeartbeat:
    """Send a heartbeat now."""


@dataclass(frozen=True)
class ReturnWaiting:
    """Log what a master reports of this node, and return the waiting pictures."""

    detail: str


@dataclass(frozen=True)
class Empty:
    """Stop new tasks, finish the running ones, wait for confirmations; then send `Emptied`."""


@dataclass(frozen=True)
class ForceEnd:
    """End the process with this error if it does not end by itself."""

    error: ManyeyesError


@dataclass(frozen=True)
class End:
    """Cancel everything, send the `Leave`, close the connection, and end.

    Args:
        leave_reason: why this node leaves; empty: no `Leave` is sent.
        send_logs: whether the last log lines are sent.
        error: what the process ends with.
    """

    leave_reason: str = ""
    send_logs: bool = False
    error: ManyeyesError | None = None


Instruction = (
    Connect
    | SayHello
    | BeginSending
    | AwaitApproval
    | FetchPack
    | StartWorkers
    | TurnPool
    | RefreshGallery
    | SendHeartbeat
    | ReturnWaiting
    | Empty
    | ForceEnd
    | End
)


@dataclass
class NodeLife:
    """The state of an agent from its start to its end: takes events, returns instructions.

    Args:
        name: the node's.
        session: of this start; see `contract.Hello`.
    """

    name: str
    session: str
    phase: Phase = "joining"
    connected: bool = False
    approved: bool = False
    mode: Mode = "empty"
    leave_reason: str = "stopped on the machine itself"

    @property
    def has_workers(self) -> bool:
        """Whether there is a pool, with or without workers."""
        return self.phase in ("ready", "paused", "emptied", "draining")

    def handle(self, event: Event) -> list[Instruction]:
        """Return the instructions for an event, in order. An event that comes too late changes nothing."""
        if self.phase in ENDS:
            return []
        match event:
            case Refused(session, detail):
                return self._refused(session, detail)
            case Shutdown():
                self.leave_reason = "shut down by an operator"
                return self._leave()
            case Stop():
                return self._leave()
            case Unresponsive(detail):
                return [ReturnWaiting(detail), SendHeartbeat()]
            case Emptied():
                return self._farewell() if self.phase == "draining" else []
            case _ if self.phase == "draining":
                return [SendHeartbeat()] if isinstance(event, Reconnected) else []
            case Removed():
                return self._removed()
            case JoinFailed(error):
                return self._end("refused", error)
            case Begin():
                return [Connect()]
            case Connected():
                self.connected = True
                return [SayHello()]
            case Reconnected():
                return [SendHeartbeat(), SayHello()] if self.phase != "joining" else []
            case Welcomed(approved):
                return self._welcomed(approved)
            case Approved():
                self.approved = True
                return self._fetch() if self.phase == "waiting for approval" else []
            case StillUnapproved():
                return [SayHello()] if self.phase == "waiting for approval" else []
            case PackHere(launch):
                return self._start_workers(launch)
            case ModeChanged(mode):
                return self._turn(mode)

    def _welcomed(self, approved: bool) -> list[Instruction]:
        self.approved = self.approved or approved
        begin: list[Instruction] = [BeginSending()] if self.phase == "joining" else []
        if self.phase not in ("joining", "waiting for approval"):
            return [SendHeartbeat(), *([RefreshGallery()] if self.has_workers else [])]
        if self.approved:
            return begin + self._fetch()
        self.phase = "waiting for approval"
        return [*begin, AwaitApproval(APPROVAL_S)]

    def _fetch(self) -> list[Instruction]:
        self.phase = "fetching the pack"
        return [FetchPack()]

    def _start_workers(self, launch: Launch) -> list[Instruction]:
        if self.phase != "fetching the pack":
            return []
        self.phase = _BY_MODE[self.mode]
        return [StartWorkers(launch)]

    def _turn(self, mode: Mode) -> list[Instruction]:
        if not self.has_workers or mode == self.mode:
            return []
        self.mode, self.phase = mode, _BY_MODE[mode]
        return [TurnPool(mode)]

    def _leave(self) -> list[Instruction]:
        if self.phase == "draining":
            return []
        if self.has_workers:
            self.phase = "draining"
            return [SendHeartbeat(), Empty()]
        return self._farewell()

    def _farewell(self) -> list[Instruction]:
        self.phase = "left"
        return [End(self.leave_reason, send_logs=self.approved) if self.connected else End()]

    def _removed(self) -> list[Instruction]:
        error = NodeRemoved(
            f"the master no longer knows node {self.name!r}: it was removed there; to come back, join "
            "with a new token and a new data folder: 'manyeyes node --join TOKEN --data FOLDER'"
        )
        return [ForceEnd(error), *self._end("removed", error)]

    def _refused(self, session: str, detail: str) -> list[Instruction]:
        if session != self.session:
            return []
        error = IdentityInUse(f"{detail}; start it with a token and a data folder of its own")
        return [ForceEnd(error), *self._end("refused", error)]

    def _end(self, phase: Phase, error: ManyeyesError) -> list[Instruction]:
        self.phase = phase
        return [End(error=error)]


@dataclass(frozen=True)
class Doing:
    """The facts, beside the phase, that decide the state in a heartbeat.

    Args:
        in_hand: pictures that have no outcome yet.
        provisioning: what is being done for the pack, or why it fails; empty: nothing.
        mode_reason: why this node does not work.
        too_little: an error text if the memory is too little for one worker; else empty.
        any_ready: whether a worker has taken pictures since the slots were filled.
        troubles: why each slot rests, in the order of `reports`.
    """

    in_hand: int = 0
    provisioning: str = ""
    mode_reason: str = ""
    too_little: str = ""
    any_ready: bool = False
    troubles: Sequence[str] = ()
    reports: Sequence[WorkerReport] = ()


def told_state(phase: Phase, name: str, doing: Doing) -> tuple[NodeState, str]:
    """The state and its reason for a heartbeat."""
    in_hand = f"{several(doing.in_hand, 'picture')} in hand"
    match phase:
        case "joining" | "waiting for approval":
            return "waiting for approval", f"'manyeyes nodes approve {name}' lets it in"
        case "draining" | "refused" | "removed" | "left":
            return "draining", in_hand
        case "fetching the pack":
            return "provisioning", doing.provisioning or "starting workers"
        case "paused" | "emptied":
            if not doing.mode_reason:  # it is not known yet what it should do
                return "provisioning", doing.provisioning or "starting workers"
            if doing.in_hand:
                return "draining", f"{in_hand}; {doing.mode_reason}"
            return "paused", doing.mode_reason
        case "ready":
            return _told_ready(doing)


def _told_ready(doing: Doing) -> tuple[NodeState, str]:
    if not doing.any_ready:
        trouble = next((trouble for trouble in doing.troubles if trouble), "starting workers")
        return "provisioning", doing.too_little or doing.provisioning or trouble
    if any(report.state == "busy" for report in doing.reports):
        return "working", doing.provisioning
    pairs = zip(doing.troubles, doing.reports, strict=True)
    if resting := [trouble for trouble, report in pairs if report.state == "resting"]:
        return "ready", f"{len(resting)} of {len(doing.reports)} workers rest: {resting[0]}"
    return "ready", doing.provisioning
