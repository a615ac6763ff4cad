"""One worker's slot: passes events to `slot_state` and carries out its instructions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any, Protocol

from manyeyes.contract import Outcome, WorkerReport
from manyeyes.node.gallery.cache import GalleryCache
from manyeyes.node.packs.launch import Launch
from manyeyes.node.worker.pace import Pace
from manyeyes.node.worker.picture import Picture
from manyeyes.node.worker.process import WorkerDied, WorkerProcess
from manyeyes.node.worker.run_picture import run_picture
from manyeyes.node.worker.slot_state import (
    Begin,
    CancelWait,
    Drain,
    DropWorker,
    EndPicture,
    Event,
    Finish,
    Given,
    Instruction,
    Pause,
    PauseOver,
    SlotState,
    Started,
    StartFailed,
    StartWorker,
    Switch,
    TakeNext,
    TellChanged,
    TellSwitched,
    Work,
    Worked,
    WorkerEnded,
)
from manyeyes.telemetry import log


class Pictures(Protocol):
    """Where a slot gets its pictures and returns their outcomes."""

    def next(self) -> Picture | None:
        """The picture that has waited longest."""

    def end(self, picture: Picture, outcome: Outcome, body: bytes) -> None:
        """An attempt ended."""

    def changed(self) -> None:
        """The slot takes pictures now, or takes none."""


class Slot:
    """Keeps one worker process alive and gives it one picture at a time.

    Args:
        pace: shared by the node's slots.
        deadline_s: a worker that is busy with one picture for longer is killed.
    """

    def __init__(
        self,
        index: int,
        pool: Pictures,
        launch: Launch,
        galleries: GalleryCache,
        pace: Pace,
        deadline_s: float,
    ) -> None:
        self._index = index
        self._pool = pool
        self._pace = pace
        self._run_picture = partial(run_picture, galleries=galleries, deadline_s=deadline_s)
        self._state = SlotState(launch)
        self._worker: WorkerProcess | None = None
        self._group: asyncio.TaskGroup | None = None
        self._doing: asyncio.Task[None] | None = None
        """A start, a run of pictures or a pause; one at a time."""
        self._working = False
        self._switched = asyncio.Event()
        self._over = asyncio.Event()
        self.ready = asyncio.Event()
        """Set when its first worker takes pictures."""

    @property
    def fit(self) -> bool:
        """Whether the slot has a worker that takes pictures."""
        return self._state.fit

    @property
    def trouble(self) -> str:
        """Why the last worker ended; empty once one takes pictures again."""
        return self._state.trouble

    @property
    def busy(self) -> bool:
        """Whether its worker has a picture in hand."""
        return self._state.busy_since is not None

    def busy_s(self, now: float) -> float:
        """For how long its worker has had the picture that it has in hand; 0 if it has none."""
        since = self._state.busy_since
        return now - since if since is not None else 0.0

    def report(self, now: float) -> WorkerReport:
        """This slot as the heartbeat tells it."""
        busy_since = self._worker.busy_since if self._worker else None
        return WorkerReport(
            index=self._index,
            state=self._state.state,
            busy_s=round(now - busy_since, 2) if busy_since is not None else 0.0,
            restarts=self._state.backoff.restarts,
            pid=self._worker.pid if self._worker else 0,
        )

    def give(self, picture: Picture) -> bool:
        """Give a picture to the idle worker; False if it is not idle."""
        if not self._state.takes:
            return False
        self._feed(Given(picture))
        return True

    def kill(self) -> None:
        """End the worker at once."""
        if self._worker is not None:
            self._worker.kill()

    def drain(self) -> None:
        """Take no more pictures; `run` ends when the current picture has ended."""
        self._feed(Drain())

    async def switch(self, launch: Launch) -> None:
        """Switch to another pack between two pictures. Returns when the new worker has replaced the old one.

        A slot that has ended, or ends meanwhile, has nothing to switch: it returns at once.
        """
        if self._over.is_set():
            return
        self._switched.clear()
        self._feed(Switch(launch))
        await self._switched.wait()

    async def run(self) -> None:
        """Work until drained."""
        try:
            async with asyncio.TaskGroup() as self._group:
                self._feed(Begin())
                await self._over.wait()
                if self._doing is not None:
                    await asyncio.wait([self._doing])
                if self._worker is not None:
                    await self._worker.stop()
        finally:
            self._over.set()
            self._switched.set()

    def _feed(self, event: Event) -> None:
        for instruction in self._state.handle(event, time.monotonic()):
            self._carry_out(instruction)

    def _carry_out(self, instruction: Instruction) -> None:
        match instruction:
            case StartWorker(launch):
                self._do(self._start(launch), "start")
            case TakeNext():
                self._take_next()
            case Work():
                if not self._working:
                    self._do(self._work(), "work")
            case EndPicture(picture, outcome, body):
                self._pool.end(picture, outcome, body)
            case DropWorker():
                self.kill()
                self._worker = None
            case Pause(event, why, pause_s):
                log().warning(event, worker=self._index, why=why, pause_s=pause_s)
                self._do(self._pause(pause_s), "pause")
            case TellChanged():
                if self.fit:
                    self.ready.set()
                self._pool.changed()
            case TellSwitched():
                self._switched.set()
            case CancelWait():
                if self._doing is not None:
                    self._doing.cancel()
            case Finish():
                self._over.set()

    def _do(self, work: Coroutine[Any, Any, None], name: str) -> None:
        assert self._group is not None
        self._doing = self._group.create_task(work, name=f"{name}-{self._index}")

    async def _start(self, launch: Launch) -> None:
        assert self._group is not None
        old = self._worker
        try:
            worker = self._worker = await WorkerProcess.start(launch)
        except WorkerDied as error:
            self._feed(StartFailed(error.detail))
            return
        self._group.create_task(self._watch(worker), name=f"watch-{worker.pid}")
        if worker.benchmark_s:
            self._pace.benchmarked(worker.benchmark_s)
        if old is not None:
            await old.stop()
        self._feed(Started(launch))

    async def _watch(self, worker: WorkerProcess) -> None:
        await worker.wait()
        if worker is self._worker:
            self._feed(WorkerEnded())

    def _take_next(self) -> None:
        assert self._worker is not None
        if self._worker.ended:
            self._feed(WorkerEnded())
        elif self._state.takes and (picture := self._pool.next()) is not None:
            self._feed(Given(picture))

    async def _work(self) -> None:
        """Work on the picture in hand, and on those that follow it at once."""
        self._working = True
        try:
            while (picture := self._state.picture) is not None:
                outcome, body = await self._work_on(picture)
                self._feed(Worked(outcome, body))
        finally:
            self._working = False

    async def _work_on(self, picture: Picture) -> tuple[Outcome, bytes]:
        worker, attempt = self._worker, picture.attempt
        assert worker is not None
        attempt.began_s = time.monotonic()
        worker.trace_id, attempt.worker = attempt.trace_id, self._index
        outcome, body = await self._run_picture(worker, picture)
        attempt.worked_s = time.monotonic()
        if outcome.status == "done":
            self._pace.worked(attempt.worked_s - attempt.began_s)
        return outcome, body

    async def _pause(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        self._feed(PauseOver())
