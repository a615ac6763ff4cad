"""Pictures find the idle worker, wait for the next one, and are returned where nobody would work on them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tests.unit.node.pictures import picture

from manyeyes.contract import Outcome
from manyeyes.node.worker.pace import LEAST_LEAD_S, Pace
from manyeyes.node.worker.picture import Picture
from manyeyes.node.worker.pool import WorkerPool


class FakeSlot:
    """A slot without a process."""

    def __init__(self) -> None:
        self.fit = self.idle = True
        self.has: Picture | None = None
        self.since = 0.0
        self.drained = asyncio.Event()
        self.stubborn = self.killed = False

    @property
    def busy(self) -> bool:
        return self.has is not None

    def busy_s(self, now: float) -> float:
        return now - self.since if self.busy else 0.0

    def give(self, given: Picture) -> bool:
        if not self.fit or self.busy or not self.idle:
            return False
        self.has = given
        return True

    def drain(self) -> None:
        if not self.stubborn:
            self.drained.set()

    def kill(self) -> None:
        self.killed = True

    async def run(self) -> None:
        await self.drained.wait()


class Node:
    """A pool with what stands around it."""

    def __init__(self, workers: int = 2, picture_s: float = 0.0, drain_s: float = 30.0) -> None:
        self.slots = [FakeSlot() for _ in range(workers)]
        self.ended: list[tuple[str, str]] = []
        self.changes = 0

        def make(index: int, pool: WorkerPool) -> Any:
            return self.slots[index]

        self.pool = WorkerPool(
            make, workers, Pace(picture_s=picture_s), self._end, drain_s, changed=self._change
        )

    def _end(self, given: Picture, outcome: Outcome, body: bytes) -> None:
        self.ended.append((given.task.id, outcome.status))

    def _change(self) -> None:
        self.changes += 1

    def play(self, body: Callable[[], Awaitable[None]], mode: Any = "work") -> None:
        async def scene() -> None:
            running = asyncio.create_task(self.pool.run())
            self.pool.turn(mode)
            await steps()
            await body()
            running.cancel()

        asyncio.run(scene())


async def steps(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_picture_goes_to_an_idle_worker_and_the_next_one_waits_its_turn() -> None:
    node = Node()

    async def body() -> None:
        for number in range(4):
            node.pool.put(picture(f"t{number}"))
        assert [slot.has and slot.has.task.id for slot in node.slots] == ["t0", "t1"]
        assert [found.task.id for found in (node.pool.next(), node.pool.next()) if found] == ["t2", "t3"]
        assert node.pool.next() is None and node.ended == []

    node.play(body)


def test_a_picture_that_waits_may_be_forgotten() -> None:
    node = Node(workers=1)

    async def body() -> None:
        for number in range(3):
            node.pool.put(picture(f"t{number}"))
        assert node.pool.forget("t1") and not node.pool.forget("t1") and not node.pool.forget("t0")
        found = node.pool.next()
        assert found is not None and found.task.id == "t2"

    node.play(body)


def test_a_fast_node_has_one_picture_ahead_of_each_worker() -> None:
    node = Node()

    async def body() -> None:
        assert node.pool.capacity(0.0) == 4
        node.slots[0].fit = False
        assert node.pool.capacity(0.0) == 2

    node.play(body)


def test_a_slow_worker_has_one_ahead_only_when_it_is_almost_done() -> None:
    node = Node(picture_s=2.0)

    async def body() -> None:
        assert node.pool.capacity(0.0) == 2 and node.pool.rises_in_s(0.0) is None
        node.pool.put(picture())
        assert node.pool.capacity(0.5) == 2
        rises_in_s = node.pool.rises_in_s(0.5)
        assert rises_in_s == 2.0 - LEAST_LEAD_S - 0.5
        assert node.pool.capacity(0.5 + rises_in_s) == 3
        assert node.pool.rises_in_s(1.9) is None

    node.play(body)


def test_a_paused_pool_takes_nothing_and_keeps_its_workers() -> None:
    node = Node()

    async def body() -> None:
        for number in range(3):
            node.pool.put(picture(f"t{number}"))
        node.pool.turn("pause")
        await steps()
        assert (node.pool.takes, node.pool.capacity(0.0), node.pool.rises_in_s(0.0)) == (False, 0, None)
        assert node.ended == [("t2", "returned")], "what is in hand is finished"
        node.pool.put(picture("late"))
        assert node.ended[-1] == ("late", "returned")
        assert len(node.pool.slots) == 2 and not node.slots[0].drained.is_set()

    node.play(body)


def test_what_waits_is_returned_when_the_last_worker_is_gone() -> None:
    node = Node()

    async def body() -> None:
        for number in range(3):
            node.pool.put(picture(f"t{number}"))
        node.slots[0].fit = False
        node.pool.changed()
        assert node.ended == []
        before, node.slots[1].fit = node.changes, False
        node.pool.changed()
        assert node.ended == [("t2", "returned")] and node.changes == before + 1

    node.play(body)


def test_an_emptied_pool_has_no_workers_and_may_be_filled_again() -> None:
    node = Node()

    async def body() -> None:
        assert node.pool.filled.is_set()
        await node.pool.empty()
        assert node.pool.slots == [] and all(slot.killed for slot in node.slots)
        await node.pool.empty()
        for slot in node.slots:
            slot.drained.clear()
        node.pool.turn("work")
        await steps()
        assert len(node.pool.slots) == 2 and node.pool.takes

    node.play(body)


def test_a_worker_that_does_not_end_is_waited_for_only_so_long() -> None:
    node = Node(drain_s=0.0)
    node.slots[0].stubborn = True

    async def body() -> None:
        await node.pool.empty()
        assert node.pool.slots == [] and node.slots[0].killed

    node.play(body)
