"""What a caller wants of a picture, and what it gets in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from manyeyes.contract import Task


@dataclass(frozen=True)
class Order:
    """What is wanted of a picture; see `contract.Task`."""

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
    """A task's end as its caller gets it."""

    content: Any
    """What `Reader` made of the outcome."""
    task_id: str
    trace_id: str = ""
    """The trace that it was worked on in: an earlier one's where the picture came again under one key."""
    size_bytes: int = 0
