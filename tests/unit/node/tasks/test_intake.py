"""A task's walk through a node: taken in, completed, worked on, answered, and forgotten once it is settled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from tests.unit.node.pictures import Clock, Link, outcome, task

from manyeyes.broker.connection import Incoming
from manyeyes.broker.transfer import frame
from manyeyes.contract import Credit, Dispatch, Outcome, StateBroadcast, Status, Task
from manyeyes.errors import TaskLost, Unavailable
from manyeyes.node.tasks import fetching as fetching_module
from manyeyes.node.tasks import intake as intake_module
from manyeyes.node.tasks import outbox as outbox_module
from manyeyes.node.tasks.intake import TaskIntake
from manyeyes.node.worker.pace import Pace
from manyeyes.node.worker.picture import Picture


class Pool:
    """Workers that the test plays."""

    def __init__(self) -> None:
        self.takes = True
        self.most = 3
        self.put_in: list[Picture] = []
        self.begun: set[str] = set()

    def capacity(self, now: float) -> int:
        return self.most if self.takes else 0

    def rises_in_s(self, now: float) -> float | None:
        return None

    def put(self, picture: Picture) -> None:
        self.put_in.append(picture)

    def forget(self, task_id: str) -> bool:
        return task_id not in self.begun


class Node:
    """An intake with what stands around it."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.link, self.pool, self.pace = clock, Link(), Pool(), Pace()
        self.heartbeats = 0
        self.spawned: list[asyncio.Task[None]] = []
        link: Any = self.link
        pool: Any = self.pool
        self.intake = TaskIntake(link, "s", self.pace, self._heartbeat, self._spawn)
        self.intake.pool = pool
        self.intake.refresh(clock.now)

    def _heartbeat(self) -> None:
        self.heartbeats += 1

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        self.spawned.append(asyncio.create_task(work, name=name))
        return self.spawned[-1]

    def dispatch(self, number: int = 0, sent: Task | None = None, data: bytes = b"", **more: Any) -> None:
        """A gateway's word arrives."""
        told = {
            "gateway": "g",
            "session": "s",
            "number": number,
            "task": sent,
            "sent_bytes": len(data),
            **more,
        }
        self.intake.on_dispatch(Incoming("me", frame(Dispatch(**told).wire(), data), {}, ""))

    def end(self, place: int = 0, status: Status = "done") -> None:
        """A worker ends a picture."""
        picture = self.pool.put_in[place]
        self.intake.ended(picture, outcome(picture.task.id, status, result=2), b"{}")

    @property
    def returned(self) -> list[str]:
        return [told.task_id for _, told, _ in self.link.outcomes if told.status == "returned"]

    def allowed(self, gateway: str = "g") -> int:
        self.intake.refresh(self.clock.now)
        return self.intake.grants.grant(gateway, self.clock.now).allowed

    @property
    def credits(self) -> list[tuple[str, int]]:
        """(gateway, highest number) of what was granted in a message of its own."""
        self.intake._credit()
        return [
            (gateway, grant.allowed)
            for verb, _, content in self.link.said
            if verb == "credit"
            for gateway, grant in Credit.model_validate_json(content).grants.items()
        ]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(intake_module, "time", made)
    monkeypatch.setattr(fetching_module, "time", made)
    monkeypatch.setattr(outbox_module, "time", made)
    return made


def play(clock: Clock, body: Callable[[Node], Awaitable[None]]) -> Node:
    async def scene() -> Node:
        node = Node(clock)
        await body(node)
        node.intake.close()
        return node

    return asyncio.run(scene())


async def steps(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_picture_is_worked_on_answered_and_forgotten_when_it_is_settled(clock: Clock) -> None:
    async def body(node: Node) -> None:
        node.dispatch(1, task(), b"abc")
        (picture,) = node.pool.put_in
        assert (picture.task.id, picture.gateway, picture.data) == ("t", "g", b"abc")
        assert node.intake.holding == ("t",) and node.intake.in_hand == 1
        node.end()
        ((gateway, told, parts),) = node.link.outcomes
        assert (gateway, told.session, told.status, parts) == ("g", "s", "done", b"{}")
        assert told.grant is not None and (told.grant.received, told.grant.allowed) == (1, 4)
        assert node.intake.holding == ("t",) and node.intake.in_hand == 0, "it is not settled"
        node.dispatch(settled=("t",))
        assert node.intake.holding == ()
        assert (node.intake.tally.done, node.intake.tally.failed) == (1, 0)

    play(clock, body)


@pytest.mark.parametrize(("status", "counts"), [("error", (0, 1)), ("crashed", (0, 1)), ("returned", (0, 0))])
def test_what_failed_is_counted_and_what_was_returned_is_not(
    clock: Clock, status: Status, counts: tuple[int, int]
) -> None:
    async def body(node: Node) -> None:
        node.dispatch(1, task(), b"abc")
        node.end(status=status)
        node.dispatch(settled=("t",))
        assert (node.intake.tally.done, node.intake.tally.failed) == counts

    play(clock, body)


def test_a_word_for_another_session_or_in_another_language_is_passed_over(clock: Clock) -> None:
    async def body(node: Node) -> None:
        node.dispatch(1, task(), b"abc", session="s-0")
        node.intake.on_dispatch(Incoming("me", b"", {}, ""))
        node.intake.on_dispatch(Incoming("me", frame(b"{}", b""), {}, ""))
        assert node.intake.holding == () and node.pool.put_in == [] and "g" not in node.intake.grants

    play(clock, body)


def test_a_picture_that_comes_where_nobody_would_work_on_it_is_returned(clock: Clock) -> None:
    async def body(node: Node) -> None:
        node.intake.grants.closed = True
        node.dispatch(1, task("leaving"), b"abc")
        node.intake.grants.closed, node.pool.takes = False, False
        node.dispatch(2, task("resting"), b"abc")
        node.intake.pool = None
        node.dispatch(3, task("early"), b"abc")
        assert node.returned == ["leaving", "resting", "early"] and node.pool.put_in == []
        assert node.intake.in_hand == 0

    play(clock, body)


def test_a_doubled_dispatch_is_worked_on_once(clock: Clock) -> None:
    async def body(node: Node) -> None:
        for _ in range(2):
            node.dispatch(1, task(), b"abc")
        assert len(node.pool.put_in) == 1 and node.intake.in_hand == 1
        assert node.allowed() == 1 + 2

    play(clock, body)


def test_a_lost_dispatch_is_told_at_once(clock: Clock) -> None:
    async def body(node: Node) -> None:
        node.dispatch(1, task("t"), b"abc")
        assert node.heartbeats == 0
        node.dispatch(3, task("v"), b"abc")
        assert node.heartbeats == 1
        node.dispatch(4, sent_bytes=12)
        assert node.heartbeats == 2 and node.intake.grants.received("g") == 4
        node.dispatch(4, sent_bytes=12)
        assert node.heartbeats == 2

    play(clock, body)


def test_a_new_gateway_is_told_at_once_what_it_may_send(clock: Clock) -> None:
    async def body(node: Node) -> None:
        state = StateBroadcast(gateway="h", sent_s=1.0, gallery_version=0)
        for _ in range(2):
            node.intake.on_state(state, clock.now)
        node.intake.heard("", clock.now)
        assert node.heartbeats == 1 and node.intake.grants.gateways == ["h"]

    play(clock, body)


def test_what_is_wanted_no_more_is_taken_out_of_the_queue(clock: Clock) -> None:
    async def body(node: Node) -> None:
        node.dispatch(1, task(), b"abc")
        assert node.allowed() == 3
        node.dispatch(settled=("t", "unknown"))
        assert node.intake.holding == () and node.link.outcomes == []
        assert node.credits == [("g", 4)]
        node.end()
        assert node.link.outcomes == []

    play(clock, body)


def test_what_a_worker_has_begun_is_finished_and_its_outcome_goes_nowhere(clock: Clock) -> None:
    async def body(node: Node) -> None:
        node.dispatch(1, task(), b"abc")
        node.pool.begun.add("t")
        node.dispatch(settled=("t",))
        assert node.intake.holding == ("t",), "a worker is busy with it"
        assert node.allowed() == 3
        node.end()
        assert node.intake.holding == () and node.link.outcomes == []
        assert node.allowed() == 4 and node.intake.tally.done == 0

    play(clock, body)


def test_a_large_picture_is_fetched_chunk_by_chunk(clock: Clock) -> None:
    data = bytes(range(100)) * 3
    asked: list[int] = []

    async def chunks(task_id: str, offset: int, most: int) -> bytes:
        asked.append(offset)
        return data[offset : offset + 100]

    async def body(node: Node) -> None:
        node.link.chunks = chunks
        node.dispatch(1, task(size_bytes=300), data[:50])
        assert node.pool.put_in == [] and node.intake.in_hand == 1
        await asyncio.gather(*node.spawned)
        (picture,) = node.pool.put_in
        assert picture.data == data and asked == [50, 150, 250]

    play(clock, body)


@pytest.mark.parametrize(
    "answer", [Unavailable("no answer"), TaskLost("gone"), b""], ids=["silence", "lost", "empty"]
)
def test_a_picture_that_cannot_be_fetched_is_returned(clock: Clock, answer: bytes | Exception) -> None:
    async def chunks(task_id: str, offset: int, most: int) -> bytes:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def body(node: Node) -> None:
        node.link.chunks = chunks
        node.dispatch(1, task(size_bytes=9), b"ab")
        await asyncio.gather(*node.spawned)
        assert node.returned == ["t"] and node.pool.put_in == []

    play(clock, body)


def test_a_picture_that_is_wanted_no_more_is_not_fetched_on(clock: Clock) -> None:
    async def chunks(task_id: str, offset: int, most: int) -> bytes:
        await asyncio.Event().wait()
        return b""

    async def body(node: Node) -> None:
        node.link.chunks = chunks
        node.dispatch(1, task(size_bytes=9), b"ab")
        await steps()
        under_way = node.intake.grants.grant("g", clock.now).allowed_bytes
        node.intake.refresh(clock.now)
        assert node.intake.grants.grant("g", clock.now).allowed_bytes < under_way, (
            "the line has a chunk to carry"
        )
        node.dispatch(settled=("t",))
        await steps()
        assert node.spawned[0].cancelled() and node.intake.holding == ()
        node.intake.refresh(clock.now)
        assert node.intake.grants.grant("g", clock.now).allowed_bytes == under_way
        assert node.link.outcomes == []

    play(clock, body)


def test_no_more_than_two_chunks_are_asked_for_at_once(clock: Clock) -> None:
    asked: list[str] = []

    async def chunks(task_id: str, offset: int, most: int) -> bytes:
        asked.append(task_id)
        await asyncio.Event().wait()
        return b""

    async def body(node: Node) -> None:
        node.link.chunks = chunks
        for number, task_id in enumerate(("t", "u", "v"), 1):
            node.dispatch(number, task(task_id, size_bytes=9), b"ab")
        await steps()
        assert asked == ["t", "u"]

    play(clock, body)


def test_too_much_that_is_not_confirmed_closes_the_node(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "MOST_BYTES", 10)

    async def body(node: Node) -> None:
        node.dispatch(1, task(), b"abc")
        node.end()
        assert node.allowed() == 1
        node.dispatch(settled=("t",))
        assert node.allowed() == 4

    play(clock, body)


def test_gateways_are_told_of_more_credit_once_for_many_changes(clock: Clock) -> None:
    async def body(node: Node) -> None:
        node.intake.heard("g", clock.now)
        node.intake.heard("h", clock.now)
        node.intake.grants.all(clock.now)
        node.pool.most = 5
        for _ in range(3):
            node.intake.changed()
        assert node.link.said == []
        assert node.credits == [("g", 5), ("h", 5)]
        assert node.credits == [("g", 5), ("h", 5)], "they know it"

    play(clock, body)


def test_an_outcome_brings_its_gateway_credit_and_others_are_told_too(clock: Clock) -> None:
    async def body(node: Node) -> None:
        for gateway in ("g", "h"):
            node.dispatch(1, task(gateway), b"abc", gateway=gateway)
        node.intake.grants.all(clock.now)
        node.end(0)
        assert [gateway for gateway, _, _ in node.link.outcomes] == ["g"]
        clock.now += 5.0
        assert ("h", 1 + 2) in node.credits

    play(clock, body)


def test_a_node_leaves_when_every_gateways_last_dispatch_is_here_or_does_not_answer(clock: Clock) -> None:
    async def body(node: Node) -> None:
        node.dispatch(1, task("t"), b"abc")
        node.intake.heard("h", clock.now)
        node.intake.heard("long-silent", clock.now - 60)
        node.link.last = {"g": 2, "h": Unavailable("no answer")}
        leaving = asyncio.create_task(node.intake.drain())
        await steps()
        assert node.intake.grants.closed and not leaving.done()
        node.dispatch(2, task("u"), b"abc")
        await leaving
        assert node.returned == ["u"], "what crossed is returned"
        assert node.intake.holding == ("t", "u")

    play(clock, body)


def test_an_outcome_of_a_task_that_is_not_held_goes_nowhere(clock: Clock) -> None:
    async def body(node: Node) -> None:
        node.dispatch(1, task(), b"abc")
        for _ in range(2):
            node.end()
        assert len(node.link.outcomes) == 1
        told = Outcome(session="s", task_id="other", status="done")
        node.intake.ended(Picture(task("other"), "g", b"", node.pool.put_in[0].attempt), told, b"")
        assert len(node.link.outcomes) == 1

    play(clock, body)
