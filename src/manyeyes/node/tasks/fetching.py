"""Fetches the rest of pictures that did not fit into their dispatch, chunk by chunk, at most `FETCHES` at once."""

from __future__ import annotations

import asyncio
import time

from manyeyes.broker.nodelink import NodeLink
from manyeyes.contract import CHUNK_BYTES, Task, chunk_bytes
from manyeyes.errors import ManyeyesError
from manyeyes.node.tasks.line import Line
from manyeyes.node.worker.pace import Pace

FETCHES = 2
"""Chunks that are fetched at the same time."""


class Fetcher:
    """Fetches the rest of pictures in one agent session, and measures the line on which they arrive."""

    def __init__(self, link: NodeLink, pace: Pace) -> None:
        self._link = link
        self._pace = pace
        self._slots = asyncio.Semaphore(FETCHES)
        self._asked_bytes = 0
        self.line = Line(CHUNK_BYTES)

    @property
    def window_bytes(self) -> int:
        """Bytes that may be under way beside the chunks that are being fetched."""
        return max(0, self.line.window_bytes - self._asked_bytes)

    async def whole(self, task: Task, gateway: str, piece: memoryview) -> bytes:
        """Return the whole picture, of which `piece` has arrived.

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
        """All of a picture has arrived, `seconds` after its dispatch."""
        rate = self.line.bytes_per_s
        self._pace.travelled(size_bytes / rate if rate else seconds)
