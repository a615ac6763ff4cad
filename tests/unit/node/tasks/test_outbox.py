"""Outcomes are sent until they are confirmed, no more at once than the line carries, and none is kept for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.unit.node.pictures import Clock, Link, outcome, picture

from manyeyes.contract import CHUNK_BYTES
from manyeyes.errors import TaskLost, Unavailable
from manyeyes.node.tasks import outbox as outbox_module
from manyeyes.node.tasks.grants import Grants
from manyeyes.node.tasks.outbox import AGAIN_S, Outbox


class Node:
    """An outbox with what stands around it."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.link, self.grants = clock, Link(), Grants()
        self.grants.heard("g", clock.now)
        self.grants.capacity = 3
        self.left: list[tuple[str, str]] = []
        link: Any = self.link
        self.outbox = Outbox(
            link, "s", self.grants, lambda told, attempt, how: self.left.append((told.task_id, how))
        )

    def put(self, task_id: str = "t", body: bytes = b"{}", gateway: str = "g") -> None:
        self.outbox.put(gateway, outcome(task_id, result=len(body)), body, picture(task_id).attempt)

    def look(self, after_s: float = 0.0) -> None:
        self.clock.now += after_s
        self.outbox._look(self.clock.now)

    @property
    def sent(self) -> list[str]:
        return [told.task_id for _, told, _ in self.link.outcomes]


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Node:
    clock = Clock()
    monkeypatch.setattr(outbox_module, "time", clock)
    return Node(clock)


def test_an_outcome_goes_out_at_once_with_its_parts_and_a_grant(node: Node) -> None:
    node.put(body=b"[1]")
    ((gateway, told, body),) = node.link.outcomes
    assert (gateway, told.task_id, told.parts, body) == ("g", "t", {"result": 3}, b"[1]")
    assert told.grant is not None and told.grant.allowed == 3
    assert node.left == []


def test_it_is_kept_until_it_is_confirmed(node: Node) -> None:
    node.put()
    assert node.outbox.settle("t") and not node.outbox.settle("t") and not node.outbox.settle("other")
    assert node.left == [("t", "taken")]
    node.look(AGAIN_S * 2)
    assert node.sent == ["t"]


def test_what_is_not_confirmed_is_sent_again(node: Node) -> None:
    node.put()
    node.look(AGAIN_S - 0.1)
    assert node.sent == ["t"]
    node.look(0.2)
    assert node.sent == ["t", "t"]
    node.look(AGAIN_S + 0.1)
    assert node.sent == ["t", "t", "t"]


def test_what_could_not_be_sent_goes_out_once_the_engine_is_back_in_its_order(node: Node) -> None:
    node.link.connected = False
    node.put("t")
    node.put("u")
    node.look()
    assert node.sent == []
    node.link.connected = True
    node.look()
    assert node.sent == ["t", "u"]


def test_no_more_is_under_way_than_the_line_carries(node: Node) -> None:
    half = CHUNK_BYTES // 2
    for task_id in ("t", "u", "v"):
        node.put(task_id, bytes(half))
    assert node.sent == ["t"], "two of them with what belongs to them are more than one chunk"
    node.clock.now += 10.0
    node.outbox.settle("t")
    assert node.sent == ["t", "u"]


def test_a_line_that_was_seen_to_carry_more_is_given_more(node: Node) -> None:
    for task_id in ("t", "u", "v"):
        node.put(task_id, bytes(CHUNK_BYTES // 2))
    node.clock.now += 0.1
    node.outbox.settle("t")
    assert node.sent == ["t", "u", "v"]


def test_outcomes_of_a_gateway_that_is_gone_are_dropped(node: Node) -> None:
    node.put("t")
    node.put("u", gateway="unknown")
    node.look()
    assert node.left == [("u", "not delivered")]


def test_too_much_that_is_not_confirmed_is_told(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MOST_BYTES", 3000)
    node.put("t", bytes(1000))
    assert not node.outbox.full
    node.put("u", bytes(1000))
    assert node.outbox.full
    node.outbox.settle("t")
    assert not node.outbox.full


def play(node: Node, body: Callable[[], Awaitable[None]]) -> None:
    async def scene() -> None:
        running = asyncio.create_task(node.outbox.run())
        await asyncio.sleep(0)
        await body()
        running.cancel()

    asyncio.run(scene())


async def steps(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_large_outcomes_go_in_chunks_one_outcome_at_a_time(node: Node) -> None:
    sent: list[str] = []
    go_on = asyncio.Event()

    async def results(task_id: str, content: bytes) -> None:
        sent.append(task_id)
        await go_on.wait()

    async def body() -> None:
        node.link.results = results
        node.put("t", bytes(CHUNK_BYTES + 1))
        node.put("u", bytes(CHUNK_BYTES + 1))
        await steps()
        assert sent == ["t"]
        node.look(AGAIN_S + 1)
        await steps()
        sending = [one.get_name() for one in asyncio.all_tasks() if one.get_name().startswith("send-")]
        assert sent == ["t"] and sending == ["send-t"], "it is still on its way"
        go_on.set()
        node.outbox.settle("t")
        await steps()
        assert sent == ["t", "u"] and node.sent == []

    play(node, body)


def test_a_gateway_that_is_gone_holds_up_no_other(node: Node) -> None:
    sent: list[str] = []

    async def results(task_id: str, content: bytes) -> None:
        sent.append(task_id)
        if task_id == "gone":
            await asyncio.Event().wait()

    async def body() -> None:
        node.grants.heard("h", node.clock.now)
        node.link.results = results
        node.put("gone", bytes(4 * CHUNK_BYTES))
        node.put("t", bytes(4 * CHUNK_BYTES), gateway="h")
        node.put("u", bytes(4 * CHUNK_BYTES), gateway="h")
        await steps()
        assert sent == ["gone", "t", "u"], "a large one has arrived with its last chunk, settled or not"

    play(node, body)


@pytest.mark.parametrize(
    ("error", "left", "times"),
    [(TaskLost("gone"), [("t", "not wanted any more")], 1), (Unavailable("no answer"), [], 2)],
)
def test_a_large_outcome_that_is_refused_is_dropped_and_one_that_is_not_answered_comes_again(
    node: Node, error: Exception, left: list[tuple[str, str]], times: int
) -> None:
    tried: list[str] = []

    async def results(task_id: str, content: bytes) -> None:
        tried.append(task_id)
        raise error

    async def body() -> None:
        node.link.results = results
        node.put("t", bytes(CHUNK_BYTES + 1))
        await steps()
        node.look(AGAIN_S + 1)
        await steps()
        assert (node.left, len(tried)) == (left, times)

    play(node, body)


def test_a_node_that_leaves_waits_until_all_is_confirmed(node: Node) -> None:
    async def body() -> None:
        await node.outbox.emptied()
        node.put("t")
        node.put("u")
        waits = asyncio.create_task(node.outbox.emptied())
        await steps()
        node.outbox.settle("t")
        await steps()
        assert not waits.done()
        node.outbox.settle("u")
        await waits

    play(node, body)
