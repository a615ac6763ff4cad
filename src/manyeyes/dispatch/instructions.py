"""What the task table wants done: the dispatcher carries it out."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.errors import ManyeyesError


@dataclass(frozen=True)
class Send:
    """Send a task to a node, with the first `piece_bytes` of its picture."""

    task_id: str
    attempt_id: str
    """The first attempt has the task's id."""
    node: str
    session: str
    number: int
    piece_bytes: int
    sent_bytes: int
    """Bytes sent with this dispatch and with all before it."""


@dataclass(frozen=True)
class Answer:
    """Answer the caller who waits for the task; exactly one for each task. Without an error the outcome counts."""

    task_id: str
    node: str
    error: ManyeyesError | None


@dataclass(frozen=True)
class Settle:
    """Tell a node that an attempt is no longer needed."""

    node: str
    attempt_id: str


@dataclass(frozen=True)
class Lost:
    """An attempt ended without an answer from its node."""

    node: str
    task_id: str
    how: str


@dataclass(frozen=True)
class Sync:
    """Tell a node what it was sent so far. Dispatches that it has not received are lost."""

    node: str
    session: str
    number: int
    sent_bytes: int


Instruction = Send | Answer | Settle | Lost | Sync
