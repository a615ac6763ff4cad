"""What the tests of a node have in common: tasks, pictures, and a link that keeps what was said."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from manyeyes.broker.transfer import unframe
from manyeyes.contract import Outcome, Status, Task
from manyeyes.node.worker.attempt import Attempt
from manyeyes.node.worker.picture import Picture


class Clock:
    """A clock that is set by hand; stands in for the module `time`."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Link:
    """Keeps what a node says, and answers as it is told to."""

    connected: bool = True
    said: list[tuple[str, str, bytes]] = field(default_factory=list)
    """(verb, gateway, content)."""
    chunks: Callable[[str, int, int], Coroutine[Any, Any, bytes]] | None = None
    results: Callable[[str, bytes], Coroutine[Any, Any, None]] | None = None
    last: dict[str, int | Exception] = field(default_factory=dict)
    """By gateway: the answer to the question which dispatch was the last."""

    def tell(self, verb: str, gateway: str, *parts: bytes) -> bool:
        if self.connected:
            self.said.append((verb, gateway, b"".join(parts)))
        return self.connected

    async def fetch_chunk(self, task_id: str, offset: int, most_bytes: int, gateway: str) -> bytes:
        assert self.chunks is not None
        return await self.chunks(task_id, offset, most_bytes)

    async def send_result(self, task_id: str, content: bytes, gateway: str) -> None:
        assert self.results is not None
        await self.results(task_id, content)

    async def ask_last(self, session: str, gateway: str) -> int:
        answer = self.last[gateway]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def outcomes(self) -> list[tuple[str, Outcome, bytes]]:
        """(gateway, outcome, its parts) of all that were sent in one message."""
        told = []
        for verb, gateway, content in self.said:
            if verb == "result":
                head, body = unframe(content)
                told.append((gateway, Outcome.model_validate_json(head), body))
        return told


def task(task_id: str = "t", size_bytes: int = 3, **more: Any) -> Task:
    return Task(id=task_id, kind="recognize", pack="p", size_bytes=size_bytes, **more)


def picture(task_id: str = "t", gateway: str = "g", data: bytes = b"abc", **more: Any) -> Picture:
    made = task(task_id, len(data), **more)
    return Picture(made, gateway, data, Attempt(made, "s", 0.0))


def outcome(task_id: str = "t", status: Status = "done", **parts: int) -> Outcome:
    return Outcome(session="s", task_id=task_id, status=status, parts=parts)
