"""Brings the rest of pictures that did not fit into their dispatch: chunk by chunk, few at once on the node's line."""

from __future__ import annotations

import asyncio
import time

from manyeyes.broker.nodelink import NodeLink
from manyeyes.contract import CHUNK_BYTES, Task, chunk_bytes
from manyeyes.errors import ManyeyesError
from manyeyes.node.tasks.line import Line
from manyeyes.node.worker.pace import Pace

FETCHES = 2
"""Chunks that are asked for at once."""


class Fetcher:
    """Of one agent session; measures the line on which pictures come, too."""

    def __init__(self, link: NodeLink, pace: Pace) -> None:
        self._link = link
        self._pace = pace
        self._slots = asyncio.Semaphore(FETCHES)
        self._asked_bytes = 0
        self.line = Line(CHUNK_BYTES)

    @property
    def window_bytes(self) -> int:
        """What may be under way besides what is asked for just now."""
        return max(0, self.line.window_bytes - self._asked_bytes)

    async def whole(self, task: Task, gateway: str, piece: memoryview) -> bytes:
        """A picture of which `piece` is here.

        Raises:
            ManyeyesError: the gateway does not send the rest.
        """
        parts, received = [bytes(piece)], len(piece)
        while received < task.size_bytes:
            chunk = await self._chunk(task.id, received, gateway)
            if not chunk:
                raise ManyeyesError("the gateway sent nothing of the picture")
            parts.append(chunk)
            received += len(chunk)
        return b"".join(parts)

    async def _chunk(self, task_id: str, offset: int, gateway: str) -> bytes:
        async with self._slots:
            share = max(self.line.window_bytes // FETCHES, CHUNK_BYTES // 4)
            most = min(chunk_bytes(self.line.bytes_per_s), share)
            asked_at = time.monotonic()
            self._asked_bytes += most
            try:
                chunk = await self._link.fetch_chunk(task_id, offset, most, gateway)
            finally:
                self._asked_bytes -= most
            now = time.monotonic()
            self.line.carried(len(chunk), now - asked_at, now)
        return chunk

    def travelled(self, size_bytes: int, seconds: float) -> None:
        """All of a picture is here; its bytes took so long where the line's own speed is not known."""
        rate = self.line.bytes_per_s
        self._pace.travelled(size_bytes / rate if rate else seconds)
