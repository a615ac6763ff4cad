"""One worker's slot: keeps a process alive in it and gives it one picture at a time."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Literal

from manyeyes.contract import Outcome, WorkerReport
from manyeyes.errors import PackDamaged, Unavailable
from manyeyes.face_results import GALLERY
from manyeyes.node.gallery.cache import GalleryCache
from manyeyes.node.packs.launch import Launch
from manyeyes.node.retry import pause_after
from manyeyes.node.worker.pace import Pace
from manyeyes.node.worker.picture import Picture
from manyeyes.node.worker.process import WorkerDied, WorkerProcess
from manyeyes.node.worker.protocol import Order
from manyeyes.node.worker.restarts import Backoff
from manyeyes.telemetry import log

if TYPE_CHECKING:
    from manyeyes.node.worker.pool import WorkerPool


class Slot:
    """One slot.

    Args:
        pace: shared by the node's slots.
    """

    def __init__(
        self,
        index: int,
        pool: WorkerPool,
        launch: Launch,
        galleries: GalleryCache,
        pace: Pace,
        deadline_s: float,
    ) -> None:
        self._index = index
        self._pool = pool
        self._launch = launch
        self._running: Launch | None = None
        self._renewed = asyncio.Event()
        self._galleries = galleries
        self._pace = pace
        self._deadline_s = deadline_s
        self._draining = False
        self._task: asyncio.Task[None] | None = None
        self._next: asyncio.Future[Picture | None] | None = None
        """Set while an idle worker waits for a picture; None tells it to look around."""
        self._lacking = 0
        """How many pictures in a row could not be begun, since the gallery is not here."""
        self._backoff = Backoff()
        self._worker: WorkerProcess | None = None
        self._state: Literal["starting", "idle", "busy", "resting"] = "starting"
        self._busy_since: float | None = None
        self.fit = False
        """Whether a worker lives here that takes pictures."""
        self.ready = asyncio.Event()
        self.trouble = ""
        """Why the last worker ended; empty once one has started."""

    def report(self, now: float) -> WorkerReport:
        """This slot as the heartbeat tells it."""
        busy_since = self._worker.busy_since if self._worker else None
        return WorkerReport(
            index=self._index,
            state=self._state,
            busy_s=round(now - busy_since, 2) if busy_since is not None else 0.0,
            restarts=self._backoff.restarts,
            pid=self._worker.pid if self._worker else 0,
        )

    @property
    def busy(self) -> bool:
        """Whether its worker has a picture in hand."""
        return self._busy_since is not None

    def busy_s(self, now: float) -> float:
        """For how long its worker has had the picture that it has in hand; 0 where it has none."""
        return now - self._busy_since if self._busy_since is not None else 0.0

    def give(self, picture: Picture) -> bool:
        """Give a picture to the idle worker; False where it is not idle."""
        if self._next is None or self._next.done():
            return False
        self._next.set_result(picture)
        self._busy_since = time.monotonic()
        return True

    def kill(self) -> None:
        """End the worker at once."""
        if self._worker is not None:
            self._worker.kill()

    def drain(self) -> None:
        """Take nothing more; `run` ends once what is in hand has ended."""
        self._draining = True
        self._look_around()
        if self._state in ("starting", "resting") and self._task is not None:
            self._task.cancel()

    async def switch(self, launch: Launch) -> None:
        """Go over to another pack between two pictures: returns when its worker has taken the old one's place."""
        self._renewed.clear()
        self._launch = launch
        self._look_around()
        await self._renewed.wait()

    def _look_around(self) -> None:
        if self._next is not None and not self._next.done():
            self._next.set_result(None)

    async def run(self) -> None:
        """Work until drained."""
        async with asyncio.TaskGroup() as group:
            self._task = group.create_task(self._work(group), name=f"work-{self._index}")
            await asyncio.wait([self._task])
            if self._worker is not None:
                await self._worker.stop()

    async def _work(self, group: asyncio.TaskGroup) -> None:
        while not self._draining:
            worker = await self._living_worker(group)
            picture = await self._next_picture(worker)
            if picture is None:
                continue
            self._state = "busy"
            attempt = picture.attempt
            attempt.began_s = self._busy_since = time.monotonic()
            worker.trace_id, attempt.worker = attempt.trace_id, self._index
            try:
                outcome, body = await self._one(worker, picture)
            except WorkerDied as error:
                attempt.worked_s, self._busy_since = time.monotonic(), None
                crashed = self._outcome(picture, "crashed", detail=error.detail)
                self.fit = False
                self._pool.end(picture, crashed, b"")
                await self._lost(worker, error.detail)
                continue
            attempt.worked_s = time.monotonic()
            if outcome.status == "done":
                self._pace.worked(attempt.worked_s - attempt.began_s)
            self._state, self._busy_since = "idle", None
            self._lacking = self._lacking + 1 if outcome.status == "returned" else 0
            if self._lacking:
                self.fit = False
            self._pool.end(picture, outcome, body)
            if self._lacking:
                await self._pause("a picture returned", outcome.detail, pause_after(self._lacking))

    async def _next_picture(self, worker: WorkerProcess) -> Picture | None:
        """The next picture, or None when the idle worker ended or is to be replaced, or nothing more is wanted."""
        if self._running is not self._launch or self._draining:
            return None
        if worker.ended:
            await self._lost(worker, "an idle worker ended")
            return None
        if (picture := self._pool.next()) is not None:
            return picture
        self._next = asyncio.get_running_loop().create_future()
        try:
            return await self._next
        finally:
            self._next = None

    async def _living_worker(self, group: asyncio.TaskGroup) -> WorkerProcess:
        """The worker of the pack that is wanted; a new one is started before the old one is stopped."""
        while self._worker is None or self._running is not self._launch:
            launch, old = self._launch, self._worker
            self._backoff.started(time.monotonic())
            self._state = "starting"
            try:
                self._worker = await WorkerProcess.start(launch)
            except WorkerDied as error:
                await self._rest(error.detail)
                continue
            group.create_task(self._watch(self._worker), name=f"watch-{self._worker.pid}")
            if self._worker.benchmark_s:
                self._pace.benchmarked(self._worker.benchmark_s)
            self._running = launch
            if old is not None:
                await old.stop()
        self._renewed.set()
        if not self.fit:
            self.fit, self.trouble, self._state = True, "", "idle"
            self.ready.set()
            self._pool.changed()
        self._state = "idle"
        return self._worker

    async def _watch(self, worker: WorkerProcess) -> None:
        await worker.wait()
        if worker is self._worker:
            self._look_around()

    async def _lost(self, worker: WorkerProcess, why: str) -> None:
        worker.kill()
        self._worker = None
        await self._rest(why)

    async def _rest(self, why: str) -> None:
        await self._pause("worker replaced", why, self._backoff.ended(time.monotonic()))

    async def _pause(self, event: str, why: str, pause_s: float) -> None:
        """Work on nothing for a while."""
        log().warning(event, worker=self._index, why=why, pause_s=pause_s)
        self.fit = False
        self._state = "resting"
        self.trouble = why
        self._pool.changed()
        await asyncio.sleep(pause_s)

    async def _one(self, worker: WorkerProcess, picture: Picture) -> tuple[Outcome, bytes]:
        """One attempt; raises WorkerDied."""
        task = picture.task
        try:
            if GALLERY in task.state:
                await self._galleries.refresh(task.state[GALLERY], gateway=picture.gateway)
                files = self._galleries.files
                if files is not None and worker.gallery is not files and worker.gallery != files:
                    await worker.set_gallery(files, self._deadline_s)
            order = Order(
                kind=task.kind,
                task_id=task.id,
                options=task.options,
                wants=task.wants,
                trace_id=picture.attempt.trace_id,
            )
            reply, body = await worker.work(order, picture.data, self._deadline_s)
        except Unavailable as error:
            return self._outcome(picture, "returned", detail=error.detail), b""
        except PackDamaged as error:
            log().error("the gallery cannot be opened and is fetched again", error=error.detail)
            await self._galleries.forget()
            return self._outcome(picture, "returned", detail=error.detail), b""
        picture.attempt.stages_ms = reply.stages_ms
        outcome = Outcome(
            session=picture.attempt.session,
            task_id=task.id,
            status=reply.status,
            code=reply.code,
            detail=reply.detail,
            parts=reply.parts,
        )
        return outcome, body

    def _outcome(self, picture: Picture, status: Literal["crashed", "returned"], *, detail: str) -> Outcome:
        return Outcome(session=picture.attempt.session, task_id=picture.task.id, status=status, detail=detail)
