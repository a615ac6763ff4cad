"""The pictures that a gateway keeps in memory: their bytes, within limits, and who waits for the answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from manyeyes import contract
from manyeyes.config import Limits
from manyeyes.contract import ChunkQuery, Task
from manyeyes.dispatch.order import Answered
from manyeyes.dispatch.task_table import task_of
from manyeyes.dispatch.trace import PictureTrace
from manyeyes.errors import Busy, TaskLost, Unavailable

MOST_FETCHED = 3
"""How many times a node may fetch a picture that it was sent.

Limit: a small request can make the master send a lot of data."""


@dataclass
class OpenPicture:
    """A picture that has no answer yet."""

    task: Task
    data: bytes
    future: asyncio.Future[Answered] | None
    """None for a probe: nobody waits."""
    accepted_at: float
    trace: PictureTrace
    fetched: dict[str, int] = field(default_factory=dict)
    """Bytes that each node fetched since it was sent the task."""


class OpenPictures:
    """Keeps a gateway's open pictures in memory, within limits, until each is answered."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_task: dict[str, OpenPicture] = {}
        self.held_bytes = 0
        """Bytes of the pictures that somebody waits for."""
        self.closing = False
        """Whether nothing more is taken in."""

    def __len__(self) -> int:
        return len(self._by_task)

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._by_task

    def __getitem__(self, task_id: str) -> OpenPicture:
        return self._by_task[task_id]

    def get(self, attempt_id: str) -> OpenPicture | None:
        """The picture of an attempt; None after it was answered."""
        return self._by_task.get(task_of(attempt_id))

    def check_room(self, size_bytes: int) -> None:
        """Check that there is room for one more picture.

        Raises:
            Unavailable: this master is stopping.
            Busy: no room.
        """
        if self.closing:
            raise Unavailable("this master is stopping; send the picture again", retry_after_s=2)
        full = self.held_bytes + size_bytes > self._limits.max_held_bytes and self._by_task
        if full or len(self._by_task) >= self._limits.max_waiting:
            raise Busy(
                f"{len(self._by_task)} pictures ({self.held_bytes >> 20} MiB) wait already, the limits are "
                f"{self._limits.max_waiting} and {self._limits.max_held_bytes >> 20} MiB; send it again later",
                retry_after_s=1,
            )

    def add(self, task: Task, data: bytes, trace: PictureTrace, now: float) -> asyncio.Future[Answered]:
        """Keep a picture until `pop`; its caller waits for the future."""
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._by_task[task.id] = OpenPicture(task, data, future, now, trace)
        self.held_bytes += len(data)
        return future

    def add_probe(self, task: Task, data: bytes, now: float) -> None:
        """Keep a picture that nobody waits for."""
        self._by_task[task.id] = OpenPicture(task, data, None, now, PictureTrace(now))

    def pop(self, task_id: str) -> OpenPicture:
        """Remove a picture."""
        entry = self._by_task.pop(task_id)
        if entry.future is not None:
            self.held_bytes -= len(entry.data)
        return entry

    def chunk(self, node: str, query: ChunkQuery) -> tuple[bytes, int]:
        """The bytes that a node asks for of a picture that it holds, and the picture's size in bytes.

        Raises:
            TaskLost: it has fetched more than `MOST_FETCHED` allows.
        """
        entry = self._by_task[task_of(query.task_id)]
        most = min(query.most_bytes, contract.LARGEST_CHUNK_BYTES)
        chunk, size = entry.data[query.offset : query.offset + most], len(entry.data)
        fetched = entry.fetched[node] = entry.fetched.get(node, 0) + len(chunk)
        if fetched > MOST_FETCHED * max(size, contract.CHUNK_BYTES):
            raise TaskLost(f"the picture was fetched {MOST_FETCHED} times already")
        return chunk, size

    async def answered(self, within_s: float) -> None:
        """Wait until every picture that somebody waits for has its answer, at most `within_s` seconds."""
        waiting = [entry.future for entry in self._by_task.values() if entry.future is not None]
        if waiting:
            await asyncio.wait(waiting, timeout=within_s)
