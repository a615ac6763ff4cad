"""Which task is where: pure decisions about claims, results, redelivery; no I/O, no clock.

Every method takes what happened and returns what is to be done. The invariant: every task that was added
ends in exactly one `Answer`.
"""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.contract import Claim, Outcome, Task, stream_sequence
from manyeyes.errors import ManyeyesError, PictureKillsWorkers, from_code

CLAIM_GRACE_S = 4.0
"""A claim younger than this may be missing from a heartbeat that was already on its way."""


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
class Answer:
    """Give the task's end to whoever waits for it; exactly one a task."""

    task_id: str
    node: str
    outcome: Outcome | None
    error: ManyeyesError | None


Instruction = Ack | Nak | InProgress | Remove | Answer


@dataclass
class _Entry:
    task: Task
    sequence: int | None = None
    holder: str | None = None
    ack: str = ""
    claimed_at: float = 0.0
    lost_attempts: int = 0


class TaskBook:
    """The open tasks of one gateway.

    Args:
        max_attempts: attempts that ended with a dead worker or node, after which the picture is at fault.
    """

    def __init__(self, max_attempts: int) -> None:
        self._max_attempts = max_attempts
        self._entries: dict[str, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def running(self) -> int:
        """Tasks that a node holds."""
        return sum(entry.holder is not None for entry in self._entries.values())

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

    def claim(self, node: str, claim: Claim, now: float) -> tuple[bool, list[Instruction]]:
        """A node asks for a task's bytes.

        Returns:
            Whether it may have them, and what else to do.
        """
        sequence = stream_sequence(claim.ack)
        if sequence is None:
            return False, []
        entry = self._entries.get(claim.task_id)
        if entry is None:
            return False, [Ack(claim.ack)]
        if entry.sequence is not None and entry.sequence != sequence:
            return False, []
        entry.holder, entry.ack, entry.claimed_at = node, claim.ack, now
        return True, []

    def holder(self, task_id: str) -> str | None:
        """The node that has the task, None where nobody has or the task is not open."""
        entry = self._entries.get(task_id)
        return entry.holder if entry else None

    def finish(self, node: str, outcome: Outcome) -> tuple[bool, list[Instruction]]:
        """A node ended an attempt.

        Returns:
            Whether the outcome was taken, and what to do.
        """
        entry = self._entries.get(outcome.task_id)
        if entry is None or entry.holder != node:
            return False, []
        if outcome.kind == "given-back":
            return True, self._again(entry)
        if outcome.kind == "crashed":
            return True, self._lost(entry, node, outcome.detail)
        error = None if outcome.kind == "done" else from_code(outcome.code, outcome.detail)
        return True, self._end(entry, node, outcome, error)

    def beat(self, node: str, holding: frozenset[str], now: float) -> list[Instruction]:
        """A heartbeat names what its node holds: that goes on; what it forgot goes to another."""
        instructions: list[Instruction] = []
        for task_id, entry in list(self._entries.items()):
            if entry.holder != node:
                continue
            if task_id in holding:
                instructions.append(InProgress(entry.ack))
            elif now - entry.claimed_at > CLAIM_GRACE_S:
                instructions += self._lost(entry, node, f"node {node} forgot the picture (was it restarted?)")
        return instructions

    def node_gone(self, node: str) -> list[Instruction]:
        """A node is lost: what it held goes to others."""
        instructions: list[Instruction] = []
        for entry in [entry for entry in self._entries.values() if entry.holder == node]:
            instructions += self._lost(entry, node, f"node {node} was lost")
        return instructions

    def fail_all(self, error: ManyeyesError) -> list[Instruction]:
        """The gateway stops: everything open ends with `error`."""
        instructions: list[Instruction] = []
        for entry in list(self._entries.values()):
            instructions += self._end(entry, entry.holder or "", None, error)
        return instructions

    def _again(self, entry: _Entry) -> list[Instruction]:
        ack, entry.holder, entry.ack = entry.ack, None, ""
        return [Nak(ack)]

    def _lost(self, entry: _Entry, node: str, why: str) -> list[Instruction]:
        entry.lost_attempts += 1
        if entry.lost_attempts < self._max_attempts:
            return self._again(entry)
        error = PictureKillsWorkers(
            f"{entry.lost_attempts} attempts ended without an answer, the limit is {self._max_attempts}; "
            f"last: {why}; the picture was given up, look at it and at the node's log"
        )
        return self._end(entry, node, None, error)

    def _end(
        self, entry: _Entry, node: str, outcome: Outcome | None, error: ManyeyesError | None
    ) -> list[Instruction]:
        del self._entries[entry.task.id]
        instructions: list[Instruction] = [Answer(entry.task.id, node, outcome, error)]
        if entry.ack:
            instructions.append(Ack(entry.ack))
        elif entry.sequence is not None:
            instructions.append(Remove(entry.sequence))
        return instructions
