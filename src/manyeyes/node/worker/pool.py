"""The workers of a node: their slots, and the queue of pictures that wait for a worker."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from manyeyes.contract import Outcome
from manyeyes.node.worker.mode import Mode
from manyeyes.node.worker.pace import Pace
from manyeyes.node.worker.picture import Picture
from manyeyes.node.worker.slot import Slot

_CANCEL_S = 3.0


class WorkerPool:
    """Keeps all slots of a node, and one queue of pictures for them.

    Args:
        make_slot: makes the slot of a number.
        ended: called with each outcome and its body.
        drain_s: how long running pictures may go on when the pool is emptied.
        changed: called when the grants or the heartbeat may have changed.
    """

    def __init__(
        self,
        make_slot: Callable[[int, WorkerPool], Slot],
        count: int,
        pace: Pace,
        ended: Callable[[Picture, Outcome, bytes], None],
        drain_s: float,
        changed: Callable[[], None],
    ) -> None:
        self._make_slots: Callable[[], list[Slot]] = lambda: [
            make_slot(index, self) for index in range(count)
        ]
        self._pace = pace
        self._ended = ended
        self._drain_s = drain_s
        self._tell_changed = changed
        self._mode: Mode = "empty"
        self._turned = asyncio.Event()
        self._emptied = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []
        self._queue: deque[Picture] = deque()
        self.slots: list[Slot] = []
        self.filled = asyncio.Event()
        """Set when the slots are filled for the first time."""

    # pictures

    @property
    def takes(self) -> bool:
        """Whether a picture that came now would be worked on."""
        return self._mode == "work" and any(slot.fit for slot in self.slots)

    def capacity(self, now: float) -> int:
        """How many pictures may be held: one in hand for each worker, and one ahead where that saves time."""
        if self._mode != "work":
            return 0
        busy = [slot.busy_s(now) for slot in self.slots if slot.fit]
        return len(busy) + sum(self._pace.ahead_in_s(busy_s) <= 0 for busy_s in busy)

    def rises_in_s(self, now: float) -> float | None:
        """Seconds until the capacity rises by itself; None if it does not."""
        if self._mode != "work":
            return None
        waits = [self._pace.ahead_in_s(slot.busy_s(now)) for slot in self.slots if slot.fit and slot.busy]
        return min((wait for wait in waits if wait > 0), default=None)

    def put(self, picture: Picture) -> None:
        """Queue a picture for a worker. It is returned at once if no worker would take it."""
        if not self.takes:
            self._give_back(picture)
            return
        for slot in self.slots:
            if slot.give(picture):
                return
        self._queue.append(picture)

    def next(self) -> Picture | None:
        """The picture that has waited longest."""
        return self._queue.popleft() if self._queue else None

    def forget(self, task_id: str) -> bool:
        """Remove a task that is no longer needed. Returns whether it was waiting here."""
        for picture in self._queue:
            if picture.task.id == task_id:
                self._queue.remove(picture)
                return True
        return False

    def end(self, picture: Picture, outcome: Outcome, body: bytes) -> None:
        """A slot has ended an attempt."""
        self._ended(picture, outcome, body)

    def give_back_all(self) -> None:
        """Return what waits to its gateways."""
        while picture := self.next():
            self._give_back(picture)

    def _give_back(self, picture: Picture) -> None:
        self._ended(picture, picture.ended("returned"), b"")

    def changed(self) -> None:
        """A slot changed its state. If no worker is left, waiting pictures are returned."""
        if not self.takes:
            self.give_back_all()
        self._tell_changed()

    # slots

    def turn(self, mode: Mode) -> None:
        """Switch to `mode`."""
        if mode != self._mode:
            self._mode = mode
            self._emptied.clear()
            self._turned.set()

    async def run(self) -> None:
        """Follow the wanted mode until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._turned.clear()
                if self._mode == "empty":
                    await self._empty()
                else:
                    self._fill(group)
                self.changed()
                await self._turned.wait()

    async def empty(self) -> None:
        """Empty all slots, and wait for it."""
        self.turn("empty")
        if self.slots:
            await self._emptied.wait()

    def _fill(self, group: asyncio.TaskGroup) -> None:
        if self.slots:
            return
        self.slots = self._make_slots()
        self._running = [
            group.create_task(slot.run(), name=f"slot-{index}") for index, slot in enumerate(self.slots)
        ]
        if self.slots:
            self.filled.set()

    async def _empty(self) -> None:
        """Running pictures finish. One that takes longer than `drain_s` is dropped and goes to another node."""
        self.give_back_all()
        for slot in self.slots:
            slot.drain()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=self._drain_s)
            for running in late:
                running.cancel()
            if late:
                await asyncio.wait(late, timeout=_CANCEL_S)
            for one in self.slots:
                one.kill()
        self.slots, self._running = [], []
        self._emptied.set()
