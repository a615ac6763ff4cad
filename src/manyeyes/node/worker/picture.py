"""A picture that a worker can begin with."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.broker.connection import Bytes
from manyeyes.contract import Task
from manyeyes.node.worker.attempt import Attempt


@dataclass(frozen=True)
class Picture:
    """A task whose bytes are all here."""

    task: Task
    gateway: str
    data: Bytes
    attempt: Attempt
