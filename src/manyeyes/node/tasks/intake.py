"""Takes the tasks of gateways: fetches the whole picture, gives it to the workers, and sends the outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from manyeyes.broker.connection import Incoming
from manyeyes.broker.nodelink import NodeLink
from manyeyes.broker.transfer import unframe_view
from manyeyes.contract import (
    Credit,
    Dispatch,
    Outcome,
    StateBroadcast,
    Task,
)
from manyeyes.errors import ManyeyesError
from manyeyes.node.tasks.fetching import Fetcher
from manyeyes.node.tasks.grants import Grants
from manyeyes.node.tasks.outbox import Outbox
from manyeyes.node.worker.attempt import Attempt
from manyeyes.node.worker.pace import Pace
from manyeyes.node.worker.picture import Picture
from manyeyes.node.worker.pool import WorkerPool
from manyeyes.telemetry import log

CREDIT_S = 0.01
"""How long a larger grant waits, so that several are sent together."""
FOLLOW_S = 0.25
"""How often to check whether a grant has grown by itself."""


@dataclass
class Tally:
    """Counts of this node since its start."""

    done: int = 0
    failed: int = 0


@dataclass
class _Held:
    """A task that this node was sent, until its gateway no longer needs it."""

    task: Task
    gateway: str
    attempt: Attempt
    ended: bool = False
    """Whether its outcome was put in the outbox."""
    fetching: asyncio.Task[None] | None = None


class TaskIntake:
    """Takes the tasks of gateways in one agent session, grants credit, and sends the outcomes.

    Args:
        heartbeat: asks for a heartbeat to be sent soon.
        spawn: starts a named task that ends with the agent.
    """

    def __init__(
        self,
        link: NodeLink,
        session: str,
        pace: Pace,
        heartbeat: Callable[[], None],
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
    ) -> None:
        self._link = link
        self._session = session
        self._heartbeat = heartbeat
        self._spawn = spawn
        self._held: dict[str, _Held] = {}
        self._fetcher = Fetcher(link, pace)
        self._crediting: asyncio.TimerHandle | None = None
        self._received = asyncio.Event()
        self.pool: WorkerPool | None = None
        self.tally = Tally()
        self.grants = Grants()
        self.outbox = Outbox(link, session, self.grants, self._settled)

    @property
    def holding(self) -> tuple[str, ...]:
        """The ids of all tasks that are not settled."""
        return tuple(self._held)

    @property
    def in_hand(self) -> int:
        """Tasks that have no outcome yet."""
        return sum(not held.ended for held in self._held.values())

    # what gateways say

    def on_state(self, state: StateBroadcast, now: float) -> None:
        """A broadcast of a gateway arrived."""
        if state.sent_s:
            self._fetcher.line.heard(state.gateway, state.sent_s, now)
        self.heard(state.gateway, now)

    def heard(self, gateway: str, now: float) -> None:
        """A message of a gateway arrived. A new gateway gets its grant soon."""
        if gateway and self.grants.heard(gateway, now):
            self._heartbeat()

    def on_dispatch(self, message: Incoming) -> None:
        """A gateway sends a task, or names tasks that it no longer needs."""
        now = time.monotonic()
        try:
            head, piece = unframe_view(message.data)
            dispatch = Dispatch.model_validate_json(head)
        except (ValidationError, ValueError) as error:
            log().error("a dispatch that this version cannot read", error=str(error)[:200])
            return
        if dispatch.session != self._session:
            return
        if dispatch.number:
            self._arrived(dispatch, piece, len(message.data), now)
        for task_id in dispatch.settled:
            self._settle(task_id)

    def _arrived(self, dispatch: Dispatch, piece: memoryview, size_bytes: int, now: float) -> None:
        task, gateway = dispatch.task, dispatch.gateway
        self._fetcher.line.arrived(gateway, size_bytes, dispatch.sent_s, now)
        gap = self.grants.arrived(gateway, dispatch.number, dispatch.sent_bytes, now, task=task is not None)
        self._received.set()
        if task is not None:
            self._take(task, gateway, piece, now)
        if gap:
            log().warning("a dispatch was lost in transit", gateway=gateway, number=dispatch.number)
            self._heartbeat()
        elif task is None:
            self._rise()

    def _take(self, task: Task, gateway: str, piece: memoryview, now: float) -> None:
        if task.id in self._held:
            return
        attempt = Attempt(task, self._session, now)
        held = self._held[task.id] = _Held(task, gateway, attempt)
        self.grants.taken(gateway)
        if self.pool is None or not self.pool.takes or self.grants.closed:
            picture = Picture(task, gateway, b"", attempt)
            self.ended(picture, picture.ended("returned"), b"")
        elif len(piece) >= task.size_bytes:
            self._whole(held, piece, now)
        else:
            held.fetching = self._spawn(self._fetch(held, piece), f"fetch-{task.id}")

    async def _fetch(self, held: _Held, piece: memoryview) -> None:
        """Fetch the rest of a picture, then give it to the workers."""
        task = held.task
        try:
            data = await self._fetcher.whole(task, held.gateway, piece)
        except ManyeyesError as error:
            log().info("a picture could not be fetched", trace=held.attempt.trace_id, error=error.detail)
            picture = Picture(task, held.gateway, b"", held.attempt)
            self.ended(picture, picture.ended("returned", error.detail), b"")
            return
        finally:
            held.fetching = None
        if task.id in self._held:
            self._whole(held, data, time.monotonic())

    def _whole(self, held: _Held, data: bytes | memoryview, now: float) -> None:
        held.attempt.fetched_s = now
        self._fetcher.travelled(len(data), now - held.attempt.asked_s)
        assert self.pool is not None
        self.pool.put(Picture(held.task, held.gateway, data, held.attempt))

    def _settle(self, task_id: str) -> None:
        """A task is no longer needed: its outcome was received, or another node was first."""
        held = self._held.get(task_id)
        if held is None or self.outbox.settle(task_id):
            return
        if held.fetching is not None:
            held.fetching.cancel()
        elif self.pool is None or not self.pool.forget(task_id):
            held.attempt.wanted = False  # a worker has it; its outcome goes nowhere
            return
        self._forget(held, Outcome(session=self._session, task_id=task_id, status="returned"))

    def _forget(self, held: _Held, outcome: Outcome) -> None:
        """Forget a task that is no longer needed and has sent no outcome."""
        del self._held[held.task.id]
        self.grants.ended(held.gateway)
        held.attempt.end(outcome, 0, "not wanted any more", time.monotonic())
        self._rise()

    # what workers say

    def ended(self, picture: Picture, outcome: Outcome, body: bytes) -> None:
        """A slot ended an attempt, or the pool returns a picture."""
        held = self._held.get(picture.task.id)
        if held is None or held.ended:
            return
        if not picture.attempt.wanted:
            self._forget(held, outcome)
            return
        held.ended = True
        self.grants.ended(held.gateway)
        self.refresh(time.monotonic())
        self.outbox.put(held.gateway, outcome, body, held.attempt)
        if len(self.grants.gateways) > 1:
            self._rise()

    def _settled(self, outcome: Outcome, attempt: Attempt, how: str) -> None:
        """An outcome has left the outbox."""
        self._held.pop(outcome.task_id, None)
        self.tally.done += outcome.status == "done"
        self.tally.failed += outcome.status in ("error", "crashed")
        attempt.end(outcome, outcome.parts.get("picture", 0), how, time.monotonic())

    # credit

    def refresh(self, now: float) -> None:
        """Update how much may be granted."""
        grants = self.grants
        grants.capacity = self.pool.capacity(now) if self.pool and not self.outbox.full else 0
        grants.window_bytes = self._fetcher.window_bytes
        grants.line_bytes_per_s = self._fetcher.line.bytes_per_s

    def changed(self) -> None:
        """A worker changed its state, or the pool started or stopped taking pictures."""
        self.refresh(time.monotonic())
        self._rise()

    def _rise(self) -> None:
        """Send larger grants to gateways soon."""
        if self._crediting is None:
            self._crediting = asyncio.get_running_loop().call_later(CREDIT_S, self._credit)

    def _credit(self) -> None:
        self._crediting = None
        now = time.monotonic()
        self.refresh(now)
        for gateway in self.grants.rose(now):
            word = Credit(session=self._session, grants={gateway: self.grants.grant(gateway, now)})
            self._link.tell("credit", gateway, word.wire())

    async def follow(self) -> None:
        """Grant one more picture when a busy worker will soon need it, and forget gateways that are gone, until cancelled."""
        while True:
            now = time.monotonic()
            wait_s = (self.pool.rises_in_s(now) if self.pool else None) or FOLLOW_S
            await asyncio.sleep(min(max(wait_s, CREDIT_S), FOLLOW_S))
            now = time.monotonic()
            self.grants.gone(now)
            self.refresh(now)
            if self.grants.rose(now):
                self._rise()

    # leaving

    def close(self) -> None:
        """Stop fetching and granting."""
        if self._crediting is not None:
            self._crediting.cancel()
        for held in self._held.values():
            if held.fetching is not None:
                held.fetching.cancel()

    async def drain(self) -> None:
        """Grant nothing more; return when every live gateway's last dispatch has arrived."""
        self.grants.closed = True
        self._heartbeat()
        async with asyncio.TaskGroup() as group:
            for gateway in self.grants.live(time.monotonic()):
                group.create_task(self._drained(gateway), name=f"drain-{gateway}")

    async def _drained(self, gateway: str) -> None:
        try:
            last = await self._link.ask_last(self._session, gateway)
        except ManyeyesError as error:
            log().info("a gateway did not confirm that it sends nothing more", error=error.detail)
            return
        while self.grants.received(gateway) < last:
            self._received.clear()
            await self._received.wait()
