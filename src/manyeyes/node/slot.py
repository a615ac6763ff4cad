"""One worker's seat: keeps a process alive in it and fed, one picture ahead, one in hand, one on its way back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from manyeyes.broker.connection import BetterElsewhere
from manyeyes.broker.nodelink import Delivery, NodeLink
from manyeyes.contract import Claim, Outcome, Task, WorkerReport
from manyeyes.errors import ManyeyesError, PackDamaged, TaskLost, Unavailable
from manyeyes.node.attempt import Attempt
from manyeyes.node.framing import Order
from manyeyes.node.gallerybook import GalleryBook
from manyeyes.node.pace import Pace
from manyeyes.node.process import Launch, WorkerDied, WorkerProcess
from manyeyes.node.provision import pause_after
from manyeyes.node.supervisor import Backoff
from manyeyes.telemetry import log

SEND_PATIENCE_S = 60.0
GIVE_BACK_S = 2.0
"""For a picture whose claim is broken off; without a master's answer it goes to another by itself."""


@dataclass
class Tally:
    """Counts of this node since its start."""

    done: int = 0
    failed: int = 0


class ProbeBox:
    """The probe that a node was sent, until a seat with room takes it."""

    def __init__(self) -> None:
        self._probe: Task | None = None
        self.filled = asyncio.Event()

    def put(self, probe: Task) -> None:
        """Keep it, in place of one that nobody took."""
        self._probe = probe
        self.filled.set()

    def take(self) -> Task | None:
        """The probe, once."""
        probe, self._probe = self._probe, None
        self.filled.clear()
        return probe


@dataclass(frozen=True)
class _Picture:
    task: Task
    data: bytes
    attempt: Attempt


class Slot:
    """One seat.

    Args:
        holding: the node's set of claimed task ids, shared by its seats and told in heartbeats. A task that is
            taken out of it is not begun any more, and its outcome is not sent.
        pace: shared by the node's seats.
        probes: probes for any seat that has room, shared by them.
    """

    def __init__(
        self,
        index: int,
        link: NodeLink,
        launch: Launch,
        galleries: GalleryBook,
        holding: set[str],
        tally: Tally,
        pace: Pace,
        probes: ProbeBox,
        deadline_s: float,
        on_change: Callable[[], Awaitable[None]],
    ) -> None:
        self._index = index
        self._link = link
        self._launch = launch
        self._running: Launch | None = None
        self._renew = asyncio.Event()
        self._renewed = asyncio.Event()
        self._galleries = galleries
        self._holding = holding
        self._tally = tally
        self._pace = pace
        self._probes = probes
        self._deadline_s = deadline_s
        self._on_change = on_change
        self._ahead: asyncio.Queue[_Picture] = asyncio.Queue()
        """Never more than the permits of `_room`."""
        self._room = asyncio.Semaphore(2)
        self._draining = asyncio.Event()
        self._open = asyncio.Event()
        self._shut = asyncio.Event()
        self._not_busy = asyncio.Event()
        self._wanted_open = False
        self._fit = True
        self._lacking = 0
        """How many pictures in a row could not be begun, for want of the gallery."""
        self._backoff = Backoff()
        self._worker: WorkerProcess | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._delivery: asyncio.Task[None] | None = None
        self._state: Literal["starting", "idle", "busy", "resting"] = "starting"
        self.ready = asyncio.Event()
        self.trouble = ""
        """Why the last worker ended; empty once one has started."""

    def report(self, now: float) -> WorkerReport:
        """This seat as the heartbeat tells it."""
        busy_since = self._worker.busy_since if self._worker else None
        return WorkerReport(
            index=self._index,
            state=self._state,
            busy_s=round(now - busy_since, 2) if busy_since is not None else 0.0,
            restarts=self._backoff.restarts,
            pid=self._worker.pid if self._worker else 0,
        )

    def open(self, opened: bool) -> None:
        """Ask for pictures, or for none until it is opened again; what was fetched ahead is given back then."""
        self._wanted_open = opened
        self._turn()

    def _turn(self) -> None:
        """Pictures are asked for only while a worker lives: what is held here, nobody else can take."""
        if self._wanted_open and self._fit:
            self._shut.clear()
            self._open.set()
        else:
            self._open.clear()
            self._shut.set()

    def kill(self) -> None:
        """End the worker at once."""
        if self._worker is not None:
            self._worker.kill()

    def drain(self) -> None:
        """Ask for nothing more; `run` ends once what is in hand has ended."""
        self._draining.set()

    async def switch(self, launch: Launch) -> None:
        """Go over to another pack between two pictures: returns when its worker has taken the old one's place."""
        self._renewed.clear()
        self._launch = launch
        self._renew.set()
        await self._renewed.wait()

    async def run(self) -> None:
        """Work until drained; a picture that was fetched ahead but not begun is given back then."""
        async with asyncio.TaskGroup() as group:
            self._tasks = group
            feeder = group.create_task(self._keep_fed(), name=f"feed-{self._index}")
            work = group.create_task(self._work(), name=f"work-{self._index}")
            await self._draining.wait()
            feeder.cancel()
            await asyncio.wait([feeder])
            await self._give_back()
            if self._state != "busy":
                work.cancel()
        if self._worker is not None:
            await self._worker.stop()

    async def _give_back(self) -> None:
        while not self._ahead.empty():
            picture = self._ahead.get_nowait()
            self._room.release()
            await self._deliver(Outcome(task_id=picture.task.id, kind="given-back"), b"", picture.attempt)

    async def _keep_fed(self) -> None:
        await self.ready.wait()
        while True:
            await self._open.wait()
            feeder = asyncio.ensure_future(self._feed())
            probed = asyncio.ensure_future(self._take_probes())
            shut = asyncio.ensure_future(self._shut.wait())
            try:
                await asyncio.wait([feeder, probed, shut], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (shut, feeder, probed):
                    task.cancel()
                await asyncio.wait([feeder, probed])
            if not probed.cancelled():
                probed.result()
            if not feeder.cancelled():
                feeder.result()
                if not self._shut.is_set():
                    return
            await self._give_back()

    async def _feed(self) -> None:
        """Ask for a delivery whenever there is room, claim its bytes, put it ahead of the worker."""
        await self._room.acquire()
        permit_free = True
        try:
            async with contextlib.aclosing(self._link.deliveries(self._due, self._return)) as deliveries:
                async for delivery in deliveries:
                    picture = await self._claim(delivery)
                    if picture is not None:
                        self._ahead.put_nowait(picture)
                        permit_free = False
                        await self._room.acquire()
                        permit_free = True
        finally:
            if permit_free:
                self._room.release()

    async def _due(self) -> None:
        """Return when the next picture should be asked for."""
        while True:
            now = time.monotonic()
            worker = self._worker
            busy_since = worker.busy_since if worker else None
            wait_s = self._pace.ask_in_s(now - busy_since if busy_since is not None else None, now)
            if wait_s <= 0:
                return
            if busy_since is None:
                await asyncio.sleep(wait_s)
                continue
            self._not_busy.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._not_busy.wait()

    async def _take_probes(self) -> None:
        """Work on probes as on pictures, when there is room."""
        while True:
            await self._probes.filled.wait()
            await self._room.acquire()
            kept = False
            try:
                probe = self._probes.take()
                picture = await self._claim(Delivery(probe, ack="")) if probe is not None else None
                if picture is not None:
                    self._ahead.put_nowait(picture)
                    kept = True
            finally:
                if not kept:
                    self._room.release()

    async def _return(self, delivery: Delivery) -> None:
        """A picture that was handed over when none was wanted any more goes to another node at once."""
        held = delivery.task.id in self._holding
        if await self._claim(delivery) is not None and not held:
            await self._deliver(Outcome(task_id=delivery.task.id, kind="given-back"), b"")

    async def _claim(self, delivery: Delivery) -> _Picture | None:
        task = delivery.task
        claim = Claim(task_id=task.id, gateway=task.gateway, ack=delivery.ack, held=task.id in self._holding)
        attempt = Attempt(task, self._index, time.monotonic())
        self._holding.add(task.id)
        try:
            data, _ = await self._link.fetch("claim", claim)
        except (TaskLost, Unavailable, BetterElsewhere) as error:
            if error.retry_after_s:
                self._pace.told_to_wait(error.retry_after_s, time.monotonic())
            if not claim.held:
                self._holding.discard(task.id)
            log().info("claim not granted", trace=attempt.trace_id, error=error.detail)
            return None
        except asyncio.CancelledError:
            if not claim.held:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GIVE_BACK_S):
                        await self._deliver(Outcome(task_id=task.id, kind="given-back"), b"")
                self._holding.discard(task.id)
            raise
        attempt.fetched_s = time.monotonic()
        self._pace.fetched(attempt.fetched_s - attempt.asked_s)
        return _Picture(task, data, attempt)

    async def _work(self) -> None:
        while not self._draining.is_set():
            worker = await self._living_worker()
            picture = await self._next_picture(worker)
            if picture is None:
                continue
            if picture.task.id not in self._holding:
                dropped = Outcome(task_id=picture.task.id, kind="given-back")
                picture.attempt.end(dropped, 0, "not wanted any more", time.monotonic())
                self._room.release()
                continue
            self._state = "busy"
            attempt = picture.attempt
            attempt.began_s = began_at = time.monotonic()
            worker.trace_id = attempt.trace_id
            try:
                outcome, drawn = await self._one(worker, picture)
            except WorkerDied as error:
                attempt.worked_s = time.monotonic()
                crashed = Outcome(task_id=picture.task.id, kind="crashed", detail=error.detail)
                await self._deliver(crashed, b"", attempt)
                await self._lost(worker, error.detail)
            else:
                attempt.worked_s = time.monotonic()
                if outcome.kind == "done":
                    self._pace.worked(attempt.worked_s - began_at)
                self._not_busy.set()
                await self._hand_over(outcome, drawn, attempt)
                self._state = "idle"
                self._lacking = self._lacking + 1 if outcome.kind == "given-back" else 0
                if self._lacking:
                    await self._pause("a picture given back", outcome.detail, pause_after(self._lacking))
            self._room.release()

    async def _hand_over(self, outcome: Outcome, drawn: bytes, attempt: Attempt) -> None:
        """Have the outcome delivered while the worker goes on with the next picture; one at a time."""
        if self._delivery is not None:
            await asyncio.wait([self._delivery])
        assert self._tasks is not None
        self._delivery = self._tasks.create_task(
            self._deliver(outcome, drawn, attempt), name=f"deliver-{outcome.task_id}"
        )

    async def _next_picture(self, worker: WorkerProcess) -> _Picture | None:
        """The next picture, or None when the idle worker ended or is to be replaced."""
        if not self._ahead.empty() and not self._renew.is_set():
            return self._ahead.get_nowait()
        get = asyncio.ensure_future(self._ahead.get())
        ended = asyncio.ensure_future(worker.wait())
        renew = asyncio.ensure_future(self._renew.wait())
        try:
            await asyncio.wait([get, ended, renew], return_when=asyncio.FIRST_COMPLETED)
            if get.done():
                return get.result()
            if renew.done():
                return None
        finally:
            get.cancel()
            ended.cancel()
            renew.cancel()
        await self._lost(worker, "an idle worker ended")
        return None

    async def _living_worker(self) -> WorkerProcess:
        """The worker of the pack that is wanted; a new one is started before the old one is stopped."""
        while self._worker is None or self._running != self._launch:
            self._renew.clear()
            launch, old = self._launch, self._worker
            self._backoff.started(time.monotonic())
            self._state = "starting"
            try:
                self._worker = await WorkerProcess.start(launch)
            except WorkerDied as error:
                await self._rest(error.detail)
                continue
            if self._worker.benchmark_s:
                self._pace.benchmarked(self._worker.benchmark_s)
            self._running = launch
            if old is not None:
                await old.stop()
        self._renewed.set()
        self._fit = True
        self._turn()
        self.trouble = ""
        if not self.ready.is_set():
            self.ready.set()
            await self._on_change()
        self._state = "idle"
        return self._worker

    async def _lost(self, worker: WorkerProcess, why: str) -> None:
        worker.kill()
        self._worker = None
        await self._rest(why)

    async def _rest(self, why: str) -> None:
        await self._pause("worker replaced", why, self._backoff.ended(time.monotonic()))

    async def _pause(self, event: str, why: str, pause_s: float) -> None:
        """Work on nothing for a while; what was fetched ahead is given back."""
        log().warning(event, worker=self._index, why=why, pause_s=pause_s)
        self._fit = False
        self._turn()
        self._state = "resting"
        self.trouble = why
        await self._on_change()
        await asyncio.sleep(pause_s)

    async def _one(self, worker: WorkerProcess, picture: _Picture) -> tuple[Outcome, bytes]:
        """One attempt; raises WorkerDied."""
        task = picture.task
        try:
            if task.operation == "recognize":
                await self._galleries.refresh(task.gallery_version)
                files = self._galleries.files
                if files is not None and worker.gallery != files:
                    await worker.set_gallery(files, self._deadline_s)
            order = Order(
                kind=task.operation,
                task_id=task.id,
                draw=task.draw,
                landmarks_px=task.landmarks_px,
                keep_unknown=task.keep_unknown,
                thumbnail=task.thumbnail,
                trace_id=picture.attempt.trace_id,
            )
            reply, drawn = await worker.work(order, picture.data, self._deadline_s)
        except Unavailable as error:
            return Outcome(task_id=task.id, kind="given-back", detail=error.detail), b""
        except PackDamaged as error:
            log().error("the gallery cannot be opened and is fetched again", error=error.detail)
            await self._galleries.forget()
            return Outcome(task_id=task.id, kind="given-back", detail=error.detail), b""
        assert reply.outcome is not None
        return reply.outcome, drawn

    async def _deliver(self, outcome: Outcome, drawn: bytes, attempt: Attempt | None = None) -> None:
        """Give the outcome to the master; sent again until it has it or wants it no more."""
        how = await self._sent(outcome, drawn)
        if attempt is not None:
            attempt.end(outcome, len(drawn), how, time.monotonic())

    async def _sent(self, outcome: Outcome, drawn: bytes) -> str:
        """What became of the outcome, in words."""
        if outcome.task_id not in self._holding:
            return "not wanted any more"
        how = "taken"
        give_up = time.monotonic() + SEND_PATIENCE_S
        while True:
            try:
                await self._link.send_outcome(outcome, drawn)
                break
            except TaskLost:
                how = "not wanted any more"
                break
            except ManyeyesError as error:
                if time.monotonic() > give_up:
                    log().error("a result could not be delivered", error=error.detail)
                    how = "not delivered"
                    break
                await asyncio.sleep(0.3)
        self._holding.discard(outcome.task_id)
        self._tally.done += outcome.kind == "done"
        self._tally.failed += outcome.kind in ("error", "crashed")
        return how
