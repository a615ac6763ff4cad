"""Sends outcomes to their gateways, sends them again if needed, and keeps them until they are confirmed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from manyeyes.broker.nodelink import NodeLink
from manyeyes.broker.transfer import frame_head
from manyeyes.contract import CHUNK_BYTES, Outcome, chunk_bytes
from manyeyes.errors import ManyeyesError, TaskLost
from manyeyes.node.tasks.grants import Grants
from manyeyes.node.tasks.line import Line
from manyeyes.node.worker.attempt import Attempt
from manyeyes.telemetry import log

AGAIN_S = 3.0
"""Seconds after which an outcome that is not confirmed is sent again."""
MOST_BYTES = 64 * 1024 * 1024
"""The most bytes of unconfirmed outcomes; above it the node grants no more tasks."""
_TICK_S = 0.5


@dataclass
class _Waiting:
    gateway: str
    outcome: Outcome
    body: bytes
    attempt: Attempt
    began_at: float = 0.0
    """When its sending began."""
    sent_at: float | None = None
    """When all of it was sent."""
    chunked: asyncio.Task[None] | None = None
    under_way_bytes: int = 0
    """Bytes of this outcome on the line at once: all of it, or one chunk; 0: none."""
    began_beside_bytes: int = 0
    """Bytes of all outcomes under way when it was sent, its own included."""

    @property
    def size(self) -> int:
        return len(self.body) + 1024


class Outbox:
    """Sends the outcomes of one agent session and keeps each until its gateway confirms it.

    Args:
        settled: called with each outcome that leaves the outbox, and with a text that says what became of it.
    """

    def __init__(
        self, link: NodeLink, session: str, grants: Grants, settled: Callable[[Outcome, Attempt, str], None]
    ) -> None:
        self._link = link
        self._session = session
        self._grants = grants
        self._tell_settled = settled
        self._waiting: dict[str, _Waiting] = {}
        """By task, in the order of arrival."""
        self._unsent: dict[str, None] = {}
        self._line = Line(CHUNK_BYTES)
        self._in_flight: Counter[str] = Counter()
        """Bytes under way, by gateway."""
        self._bytes = 0
        self._one_chunked: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """By gateway, so that a gateway that is gone does not delay the others."""
        self._group: asyncio.TaskGroup | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def full(self) -> bool:
        """Whether no more tasks should be taken until something is confirmed."""
        return self._bytes > MOST_BYTES

    def put(self, gateway: str, outcome: Outcome, body: bytes, attempt: Attempt) -> None:
        """Send an outcome as soon as the line allows."""
        entry = _Waiting(gateway, outcome, body, attempt)
        self._waiting[outcome.task_id] = entry
        self._unsent[outcome.task_id] = None
        self._bytes += entry.size
        self._empty.clear()
        self._pump()

    def settle(self, task_id: str, how: str = "taken") -> bool:
        """A gateway no longer needs a task. Returns whether its outcome was here."""
        entry = self._waiting.pop(task_id, None)
        if entry is None:
            return False
        self._unsent.pop(task_id, None)
        self._bytes -= entry.size
        if entry.chunked is not None:
            entry.chunked.cancel()
        self._across(entry)
        self._tell_settled(entry.outcome, entry.attempt, how)
        if not self._waiting:
            self._empty.set()
        self._pump()
        return True

    async def emptied(self) -> None:
        """Wait until every outcome is confirmed."""
        await self._empty.wait()

    async def run(self) -> None:
        """Send unconfirmed outcomes again, and those that could not be sent while the engine was away."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            while True:
                await asyncio.sleep(_TICK_S)
                self._look(time.monotonic())

    def _look(self, now: float) -> None:
        for gateway in [name for name in self._one_chunked if name not in self._grants]:
            del self._one_chunked[gateway]
        for task_id, entry in list(self._waiting.items()):
            if entry.gateway not in self._grants:
                log().error("a result could not be delivered", trace=entry.attempt.trace_id)
                self.settle(task_id, "not delivered")
            elif entry.sent_at is not None and now - entry.sent_at > AGAIN_S and entry.chunked is None:
                self._landed(entry)
                entry.sent_at = None
                self._unsent[task_id] = None
        self._pump()

    def _pump(self) -> None:
        for task_id in list(self._unsent):
            entry = self._waiting[task_id]
            full = self._in_flight.total() + entry.size > self._line.window_bytes
            if full and self._in_flight[entry.gateway]:
                continue
            if not self._send(entry):
                return
            del self._unsent[task_id]

    def _send(self, entry: _Waiting) -> bool:
        """Send an outcome, or begin to send its chunks. Returns False if the engine cannot be reached."""
        if not self._link.connected:
            return False
        now = time.monotonic()
        outcome = entry.outcome.model_copy(update={"grant": self._grants.grant(entry.gateway, now)})
        head, most = frame_head(outcome.wire()), chunk_bytes(self._line.bytes_per_s)
        if len(head) + len(entry.body) <= most:
            if not self._link.tell("result", entry.gateway, head, entry.body):
                return False
        else:
            if self._group is None:
                return False
            sending = self._chunks(entry, head + entry.body)
            entry.chunked = self._group.create_task(sending, name=f"send-{outcome.task_id}")
        entry.began_at = entry.sent_at = now
        entry.under_way_bytes = min(entry.size, most)
        self._in_flight[entry.gateway] += entry.under_way_bytes
        entry.began_beside_bytes = self._in_flight.total() - entry.under_way_bytes + entry.size
        return True

    def _across(self, entry: _Waiting) -> None:
        """All of an outcome has arrived: measure the line."""
        if entry.under_way_bytes:
            self._landed(entry)
            now = time.monotonic()
            self._line.carried(entry.began_beside_bytes, now - entry.began_at, now)

    def _landed(self, entry: _Waiting) -> None:
        """Count no bytes of an outcome as under way any more."""
        self._in_flight[entry.gateway] -= entry.under_way_bytes
        entry.under_way_bytes = 0

    async def _chunks(self, entry: _Waiting, content: bytes) -> None:
        """Send an outcome chunk by chunk; each chunk waits for the answer to the one before.

        Each gateway gets one such outcome at a time."""
        task_id = entry.outcome.task_id
        try:
            async with self._one_chunked[entry.gateway]:
                await self._link.send_result(task_id, content, entry.gateway)
            entry.sent_at = time.monotonic()
            self._across(entry)
            self._pump()
        except TaskLost:
            entry.chunked = None
            self.settle(task_id, "not wanted any more")
        except ManyeyesError as error:
            log().info("an outcome is sent again", trace=entry.attempt.trace_id, why=error.detail)
            self._landed(entry)
        finally:
            entry.chunked = None
