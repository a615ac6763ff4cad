"""One slot, with a worker that the test plays instead of a process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from tests.unit.node.pictures import picture

from manyeyes.contract import Outcome
from manyeyes.errors import PackDamaged, Unavailable
from manyeyes.node.gallery.files import GalleryFiles
from manyeyes.node.packs.launch import Launch
from manyeyes.node.worker import slot as slot_module
from manyeyes.node.worker.pace import Pace
from manyeyes.node.worker.picture import Picture
from manyeyes.node.worker.process import WorkerDied
from manyeyes.node.worker.protocol import Order, Reply
from manyeyes.node.worker.slot import Slot

FILES = GalleryFiles(base="base", version=4)
nothing: Any = None


class Worker:
    """A worker process that does as it is told."""

    made: ClassVar[list[Worker]] = []

    def __init__(self) -> None:
        self.pid, self.benchmark_s, self.busy_since = 77, 0.5, None
        self.trace_id, self.gallery, self.ended = "", nothing, False
        self.orders: list[Order] = []
        self.over = asyncio.Event()
        self.reply: Reply | Exception = Reply(kind="outcome", parts={"result": 2}, stages_ms={"decode": 1.0})
        self.go_on = asyncio.Event()
        self.go_on.set()
        Worker.made.append(self)

    async def wait(self) -> None:
        await self.over.wait()

    def kill(self) -> None:
        self.ended = True
        self.over.set()

    async def stop(self) -> None:
        self.kill()

    async def set_gallery(self, files: GalleryFiles, deadline_s: float) -> None:
        self.gallery = files

    async def work(self, order: Order, data: bytes, deadline_s: float) -> tuple[Reply, bytes]:
        self.orders.append(order)
        await self.go_on.wait()
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply, b"{}"


class Galleries:
    """Has the gallery, or says why not."""

    def __init__(self) -> None:
        self.files: GalleryFiles | None = FILES
        self.asked: list[tuple[int, str]] = []
        self.trouble: Exception | None = None
        self.forgotten = 0

    async def refresh(self, least: int, *, gateway: str) -> None:
        self.asked.append((least, gateway))
        if self.trouble is not None:
            raise self.trouble

    async def forget(self) -> None:
        self.forgotten += 1


class Node:
    """A slot with what stands around it."""

    def __init__(self) -> None:
        self.queue: list[Picture] = []
        self.outcomes: list[Outcome] = []
        self.changes: list[bool] = []
        self.galleries, self.pace = Galleries(), Pace()
        galleries: Any = self.galleries
        pool: Any = SimpleNamespace(
            next=lambda: self.queue.pop(0) if self.queue else None,
            end=self._end,
            changed=lambda: self.changes.append(self.slot.fit),
        )
        self.slot = Slot(0, pool, launch("p@1"), galleries, self.pace, 9.0)

    def _end(self, given: Picture, outcome: Outcome, body: bytes) -> None:
        self.outcomes.append(outcome)
        self.fit_then = self.slot.fit

    @property
    def worker(self) -> Worker:
        return Worker.made[-1]

    def state(self) -> str:
        return self.slot.report(0.0).state


def launch(pack: str) -> Launch:
    return Launch(Path("/pack"), pack, "sha", nothing)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses last for ever, until they are cancelled; so long they would have been."""
    taken: list[float] = []

    async def start(started: Launch) -> Worker:
        return Worker()

    async def sleep(pause_s: float) -> None:
        if pause_s:
            taken.append(pause_s)
            await asyncio.Event().wait()
        await real_sleep(0)

    real_sleep = asyncio.sleep
    Worker.made = []
    monkeypatch.setattr(slot_module, "WorkerProcess", SimpleNamespace(start=start))
    monkeypatch.setattr(slot_module, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
    return taken


def play(body: Callable[[Node], Awaitable[None]]) -> Node:
    async def scene() -> Node:
        node = Node()
        running = asyncio.create_task(node.slot.run())
        await steps()
        await body(node)
        node.slot.drain()
        await asyncio.wait([running])
        return node

    return asyncio.run(scene())


async def steps(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_an_idle_worker_is_given_a_picture_and_its_outcome_goes_to_the_pool(pauses: list[float]) -> None:
    async def body(node: Node) -> None:
        assert node.slot.fit and node.state() == "idle" and node.changes == [True]
        given = picture(traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01", options={"o": 1}, wants=("w",))
        assert node.slot.give(given) and node.slot.busy
        assert not node.slot.give(picture("u")), "it has one"
        await steps()
        (order,) = node.worker.orders
        assert (order.kind, order.task_id, order.options, order.wants) == ("recognize", "t", {"o": 1}, ("w",))
        assert order.trace_id == node.worker.trace_id == "a" * 32
        (told,) = node.outcomes
        assert (told.status, told.session, told.parts) == ("done", "s", {"result": 2})
        assert given.attempt.stages_ms == {"decode": 1.0} and given.attempt.worker == 0
        assert not node.slot.busy and node.state() == "idle" and node.galleries.asked == []

    play(body)


def test_a_worker_takes_what_waits_when_it_is_done(pauses: list[float]) -> None:
    async def body(node: Node) -> None:
        node.worker.go_on.clear()
        node.slot.give(picture("t"))
        await steps()
        assert node.state() == "busy"
        node.queue.append(picture("u"))
        node.worker.go_on.set()
        await steps()
        assert [told.task_id for told in node.outcomes] == ["t", "u"]

    play(body)


def test_a_worker_that_dies_ends_its_picture_as_crashed_and_rests(pauses: list[float]) -> None:
    async def body(node: Node) -> None:
        node.worker.reply = WorkerDied("signal 11")
        node.slot.give(picture())
        await steps()
        (told,) = node.outcomes
        assert (told.status, told.detail) == ("crashed", "signal 11")
        assert not node.slot.fit and node.state() == "resting" and node.slot.trouble == "signal 11"
        assert len(pauses) == 1 and node.changes == [True, False]
        assert not node.slot.give(picture("u")), "no worker lives here"

    play(body)


def test_an_idle_worker_that_ends_is_replaced(pauses: list[float]) -> None:
    async def body(node: Node) -> None:
        node.worker.kill()
        await steps()
        assert not node.slot.fit and node.slot.trouble == "an idle worker ended" and len(pauses) == 1
        assert node.outcomes == []

    play(body)


def test_a_worker_that_ended_just_after_its_picture_is_given_no_other(pauses: list[float]) -> None:
    async def body(node: Node) -> None:
        node.worker.go_on.clear()
        node.slot.give(picture("t"))
        await steps()
        node.queue.append(picture("u"))
        node.worker.ended = True  # `wait` has not returned yet
        node.worker.go_on.set()
        await steps()
        assert [told.task_id for told in node.outcomes] == ["t"] and len(node.queue) == 1
        assert node.state() == "resting"

    play(body)


def test_the_gallery_that_a_task_needs_is_opened_first(pauses: list[float]) -> None:
    async def body(node: Node) -> None:
        node.slot.give(picture(state={"gallery": 4}))
        await steps()
        assert node.galleries.asked == [(4, "g")], "the gateway that has the picture has the version"
        assert node.worker.gallery == FILES and node.outcomes[0].status == "done"

    play(body)


@pytest.mark.parametrize(("trouble", "forgotten"), [(Unavailable("no answer"), 0), (PackDamaged("torn"), 1)])
def test_a_picture_whose_gallery_is_not_here_is_returned_and_the_slot_takes_none_for_a_while(
    pauses: list[float], trouble: Exception, forgotten: int
) -> None:
    async def body(node: Node) -> None:
        node.galleries.trouble = trouble
        node.slot.give(picture(state={"gallery": 4}))
        await steps()
        (told,) = node.outcomes
        assert told.status == "returned" and node.galleries.forgotten == forgotten
        assert not node.fit_then, "credit that goes out with the outcome counts this slot no more"
        assert not node.slot.fit and len(pauses) == 1 and node.changes == [True, False]
        assert node.worker.orders == [] and not node.worker.ended

    play(body)


def test_a_picture_that_a_worker_cannot_do_is_its_own_error_and_no_rest(pauses: list[float]) -> None:
    async def body(node: Node) -> None:
        node.worker.reply = Reply(kind="outcome", status="error", code="pack", detail="no such kind")
        node.slot.give(picture())
        await steps()
        (told,) = node.outcomes
        assert (told.status, told.code, told.detail) == ("error", "pack", "no such kind")
        assert node.slot.fit and pauses == []
        assert node.pace.picture_s == 0.5, "the benchmark's: an error says nothing of the pace"

    play(body)


def test_another_pack_takes_over_between_two_pictures(pauses: list[float]) -> None:
    async def body(node: Node) -> None:
        old = node.worker
        old.go_on.clear()
        node.slot.give(picture())
        await steps()
        switching = asyncio.create_task(node.slot.switch(launch("p@2")))
        await steps()
        assert not switching.done() and node.worker is old
        old.go_on.set()
        await switching
        assert old.ended and not node.worker.ended and node.worker is not old
        assert [told.status for told in node.outcomes] == ["done"]
        await steps()
        assert node.slot.give(picture("u"))

    play(body)


def test_a_switch_does_not_wait_for_a_slot_that_ends_or_has_ended(pauses: list[float]) -> None:
    async def body(node: Node) -> None:
        node.worker.go_on.clear()
        node.slot.give(picture())
        await steps()
        switching = asyncio.create_task(node.slot.switch(launch("p@2")))
        await steps()
        node.slot.drain()
        node.worker.go_on.set()
        async with asyncio.timeout(20):
            await switching
            await node.slot.switch(launch("p@3"))
        assert [told.status for told in node.outcomes] == ["done"]

    play(body)


def test_a_slot_that_is_drained_finishes_what_it_has_in_hand(pauses: list[float]) -> None:
    async def body(node: Node) -> None:
        node.worker.go_on.clear()
        node.slot.give(picture())
        await steps()
        node.slot.drain()
        await steps()
        assert node.outcomes == []
        node.worker.go_on.set()

    node = play(body)
    assert [told.status for told in node.outcomes] == ["done"] and node.worker.ended


def test_a_slot_that_rests_is_drained_at_once(pauses: list[float]) -> None:
    async def body(node: Node) -> None:
        node.worker.kill()
        await steps()
        assert node.state() == "resting"

    play(body)
