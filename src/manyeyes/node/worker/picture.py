"""A picture that a worker can begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from manyeyes.broker.connection import Bytes
from manyeyes.contract import Outcome, Task
from manyeyes.node.worker.attempt import Attempt


@dataclass(frozen=True)
class Picture:
    """A task whose bytes are all here."""

    task: Task
    gateway: str
    data: Bytes
    attempt: Attempt

    def ended(self, status: Literal["crashed", "returned"], detail: str = "") -> Outcome:
        """The outcome of an attempt that no worker finished."""
        return Outcome(session=self.attempt.session, task_id=self.task.id, status=status, detail=detail)
