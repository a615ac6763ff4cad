"""What a caller asks for a picture, and the answer that it gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from manyeyes.contract import Task


@dataclass(frozen=True)
class Order:
    """What a node must do with a picture; see `contract.Task`."""

    kind: str
    pack: str
    options: Mapping[str, Any] | None = None
    wants: tuple[str, ...] = ()
    state: Mapping[str, int] | None = None

    def task(self, task_id: str, size_bytes: int, traceparent: str = "") -> Task:
        """The task that a node is sent for a picture."""
        return Task(
            id=task_id,
            kind=self.kind,
            pack=self.pack,
            size_bytes=size_bytes,
            options=dict(self.options or {}),
            wants=self.wants,
            state=dict(self.state or {}),
            traceparent=traceparent,
        )


@dataclass(frozen=True)
class Answered:
    """A task's answer as its caller gets it."""

    content: Any
    """The outcome as `Reader` returned it."""
    task_id: str
    trace_id: str = ""
    """The trace of the work. If the picture was sent twice with one idempotency key, the first one's trace."""
    size_bytes: int = 0
