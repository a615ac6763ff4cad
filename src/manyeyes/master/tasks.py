"""Which task is where: pure decisions about claims, results, redelivery; no I/O, no clock.

Every method takes what happened and returns what is to be done. The invariant: every task that was added
ends in exactly one `Answer`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from manyeyes.contract import Claim, Outcome, Task, stream_sequence
from manyeyes.errors import ManyeyesError, PictureKillsWorkers, from_code
from manyeyes.master.placement import Held

CLAIM_GRACE_S = 4.0
"""A claim younger than this may be missing from a heartbeat that was already on its way."""
REFUSED_FOR_S = 0.25
"""How long a picture is kept for somebody better."""


@dataclass(frozen=True)
class Ack:
    """Tell the engine that the delivery is done."""

    subject: str


@dataclass(frozen=True)
class Nak:
    """Have the engine deliver again at once."""

    subject: str


@dataclass(frozen=True)
class InProgress:
    """Have the engine wait longer."""

    subject: str


@dataclass(frozen=True)
class Remove:
    """Take the task out of the stream."""

    sequence: int


@dataclass(frozen=True)
class RemoveOrphan:
    """Take the message out of the stream if it really is the task of that id, which nobody here waits for."""

    sequence: int
    task_id: str


@dataclass(frozen=True)
class Answer:
    """Give the task's end to whoever waits for it; exactly one a task."""

    task_id: str
    node: str
    outcome: Outcome | None
    error: ManyeyesError | None


@dataclass(frozen=True)
class Drop:
    """Tell a node that another one has answered a picture that it holds."""

    node: str
    task_id: str


Instruction = Ack | Nak | InProgress | Remove | RemoveOrphan | Answer | Drop
Verdict = Literal["granted", "gone", "wait"]
"""On a claim: the bytes follow; it is not to be had; ask for another one a little later."""


@dataclass
class _Entry:
    task: Task
    sequence: int | None = None
    ack: str = ""
    """Of the latest delivery; it ends the task whoever answered."""
    holders: dict[str, float] = field(default_factory=dict)
    """When each node that works on it claimed it."""
    queued: bool = True
    """Whether the engine is to deliver it (again)."""
    refused_until: float = 0.0
    lost_attempts: int = 0

    @property
    def sure_ack(self) -> str:
        """`ack`, which a node gave, once the engine has said that it is this task's own; else empty."""
        return self.ack if self.sequence is not None and stream_sequence(self.ack) == self.sequence else ""


class TaskBook:
    """The open tasks of one gateway.

    A task may be held by several nodes, since one that takes too long is issued again; the first answer is
    the one that counts.

    Args:
        max_attempts: attempts that ended with a dead worker or node, after which the picture is at fault.
    """

    def __init__(self, max_attempts: int) -> None:
        self._max_attempts = max_attempts
        self._entries: dict[str, _Entry] = {}
        self._held: Counter[str] = Counter()
        self._running = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def running(self) -> int:
        """Tasks that a node holds."""
        return self._running

    @property
    def waiting(self) -> int:
        """Tasks that nobody works on."""
        return len(self._entries) - self._running

    def worked_on(self, task_id: str) -> bool:
        """Whether a node holds the task."""
        entry = self._entries.get(task_id)
        return entry is not None and bool(entry.holders)

    def last_waiting(self, task_id: str) -> bool:
        """Whether nobody would have anything to do beside this task."""
        entry = self._entries.get(task_id)
        return self.waiting - (entry is not None and not entry.holders) <= 0

    @property
    def held(self) -> Mapping[str, int]:
        """How many tasks each node holds; a node that is not named holds none."""
        return self._held

    def held_once(self) -> list[Held]:
        """The tasks that exactly one node holds and that are not to be delivered again."""
        return [
            Held(task_id, node, since, entry.task.size_bytes)
            for task_id, entry in self._entries.items()
            if len(entry.holders) == 1 and not entry.queued
            for node, since in entry.holders.items()
        ]

    def add(self, task: Task) -> None:
        """A task was accepted and is about to be queued."""
        self._entries[task.id] = _Entry(task)

    def queued(self, task_id: str, sequence: int) -> list[Instruction]:
        """The engine took the task; a task that ended meanwhile leaves the stream."""
        entry = self._entries.get(task_id)
        if entry is None:
            return [Remove(sequence)]
        entry.sequence = sequence
        return []

    def not_queued(self, task_id: str) -> None:
        """The engine did not take the task; its sender is told by other means."""
        self._entries.pop(task_id, None)

    def claim(
        self, node: str, claim: Claim, now: float, *, better_elsewhere: bool = False
    ) -> tuple[Verdict, list[Instruction]]:
        """A node asks for a task's bytes.

        Args:
            better_elsewhere: somebody else would end it sooner; heeded for `REFUSED_FOR_S` at most, so that
                nobody waits for a node that only says that it is free.
        """
        sequence = stream_sequence(claim.ack)
        if sequence is None:
            return "gone", []
        entry = self._entries.get(claim.task_id)
        if entry is None:
            return "gone", [RemoveOrphan(sequence, claim.task_id)]
        if entry.sequence is not None and entry.sequence != sequence:
            return "gone", []
        again: list[Instruction] = [Nak(claim.ack)] if entry.sequence is not None else []
        if claim.held:
            return "wait", again if node in entry.holders or not entry.holders else []
        if (
            better_elsewhere and again
        ):  # what cannot be given back now would lie for as long as the engine waits
            entry.refused_until = entry.refused_until or now + REFUSED_FOR_S
            if now < entry.refused_until:
                return "wait", again
        self._hold(entry, node, now)
        entry.ack, entry.queued = claim.ack, False
        return "granted", []

    def turn_away(self, claim: Claim) -> list[Instruction]:
        """A node that may have nothing claims: what it was handed goes to another at once, and nothing else does."""
        entry = self._entries.get(claim.task_id)
        if entry is None or not entry.queued or entry.sequence is None:
            return []
        return [Nak(claim.ack)] if stream_sequence(claim.ack) == entry.sequence else []

    def holds(self, node: str, task_id: str) -> bool:
        """Whether the node has claimed the task and may answer it."""
        entry = self._entries.get(task_id)
        return entry is not None and node in entry.holders

    def finish(self, node: str, outcome: Outcome) -> tuple[bool, list[Instruction]]:
        """A node ended an attempt.

        Returns:
            Whether the outcome was taken, and what to do.
        """
        entry = self._entries.get(outcome.task_id)
        if entry is None or node not in entry.holders:
            return False, []
        if outcome.kind == "given-back":
            return True, self._given_up(entry, node)
        if outcome.kind == "crashed":
            return True, self._lost(entry, node, outcome.detail)
        error = None if outcome.kind == "done" else from_code(outcome.code, outcome.detail)
        return True, self._end(entry, node, outcome, error)

    def beat(self, node: str, holding: frozenset[str], now: float) -> list[Instruction]:
        """A heartbeat names what its node holds: that goes on; what it forgot goes to another."""
        instructions: list[Instruction] = []
        if not self._held[node]:
            return instructions
        for task_id, entry in list(self._entries.items()):
            since = entry.holders.get(node)
            if since is None:
                continue
            if task_id in holding:
                if not entry.queued and entry.sure_ack:
                    instructions.append(InProgress(entry.sure_ack))
            elif now - since > CLAIM_GRACE_S:
                instructions += self._lost(entry, node, f"node {node} forgot the picture (was it restarted?)")
        return instructions

    def node_gone(self, node: str) -> list[Instruction]:
        """A node is lost: what it held goes to others."""
        instructions: list[Instruction] = []
        for entry in [entry for entry in self._entries.values() if node in entry.holders]:
            instructions += self._lost(entry, node, f"node {node} was lost")
        return instructions

    def issue_again(self, task_ids: Iterable[str]) -> list[Instruction]:
        """Have tasks delivered once more while their holders go on; what is on its way already is passed over."""
        instructions: list[Instruction] = []
        for task_id in task_ids:
            entry = self._entries.get(task_id)
            if entry is not None and not entry.queued:
                instructions += self._queue_again(entry)
        return instructions

    def held_by(self, node: str) -> list[str]:
        """The ids of the tasks that a node holds."""
        return [task_id for task_id, entry in self._entries.items() if node in entry.holders]

    def fail_all(self, error: ManyeyesError) -> list[Instruction]:
        """The gateway stops: everything open ends with `error`."""
        instructions: list[Instruction] = []
        for entry in list(self._entries.values()):
            instructions += self._end(entry, next(iter(entry.holders), ""), None, error)
        return instructions

    def _hold(self, entry: _Entry, node: str, now: float) -> None:
        if node not in entry.holders:
            self._held[node] += 1
            self._running += not entry.holders
        entry.holders[node] = now

    def _release(self, entry: _Entry, node: str) -> None:
        del entry.holders[node]
        self._held[node] -= 1
        if not self._held[node]:
            del self._held[node]
        self._running -= not entry.holders

    def _queue_again(self, entry: _Entry) -> list[Instruction]:
        entry.queued, entry.refused_until = True, 0.0
        return [Nak(entry.sure_ack)] if entry.sure_ack else []

    def _given_up(self, entry: _Entry, node: str) -> list[Instruction]:
        self._release(entry, node)
        return [] if entry.holders or entry.queued else self._queue_again(entry)

    def _lost(self, entry: _Entry, node: str, why: str) -> list[Instruction]:
        entry.lost_attempts += 1
        if entry.lost_attempts < self._max_attempts:
            return self._given_up(entry, node)
        error = PictureKillsWorkers(
            f"{entry.lost_attempts} attempts ended without an answer, the limit is {self._max_attempts}; "
            f"last: {why}; the picture was given up, look at it and at the node's log"
        )
        return self._end(entry, node, None, error)

    def _end(
        self, entry: _Entry, node: str, outcome: Outcome | None, error: ManyeyesError | None
    ) -> list[Instruction]:
        del self._entries[entry.task.id]
        others = [holder for holder in entry.holders if holder != node]
        for holder in list(entry.holders):
            self._release(entry, holder)
        instructions: list[Instruction] = [Answer(entry.task.id, node, outcome, error)]
        if entry.sure_ack:
            instructions.append(Ack(entry.sure_ack))
        elif entry.sequence is not None:
            instructions.append(Remove(entry.sequence))
        return instructions + [Drop(other, entry.task.id) for other in others]
