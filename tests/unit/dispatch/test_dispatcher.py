"""A picture's walk through its gateway, with a link that keeps what was sent, and nodes that the test plays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from manyeyes import contract
from manyeyes.broker.connection import Incoming
from manyeyes.broker.transfer import frame, unframe
from manyeyes.config import Limits
from manyeyes.contract import ChunkQuery, Credit, Dispatch, Grant, Heartbeat, HostFacts, Outcome, Status
from manyeyes.dispatch import arrived as arrived_module
from manyeyes.dispatch import dispatcher as dispatcher_module
from manyeyes.dispatch import outcomes as outcomes_module
from manyeyes.dispatch.arrived import Arrived
from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.dispatch.order import Answered, Order
from manyeyes.dispatch.placement import Pace
from manyeyes.errors import (
    Busy,
    DamagedPicture,
    IdempotencyMismatch,
    ManyeyesError,
    PictureKillsWorkers,
    TaskLost,
    Unavailable,
)

HOST = HostFacts(hostname="h", system="s", cpu="c", cores=1, memory_bytes=1, python="3")
ORDER = Order(kind="recognize", pack="p@1", options={"o": 1}, wants=("picture",), state={"gallery": 3})
PICTURE = b"a picture"


@dataclass
class Link:
    """Keeps what is said."""

    connected: bool = True
    sent: list[tuple[str, Dispatch, bytes, int | None]] = field(default_factory=list)
    answers: list[tuple[str, Any]] = field(default_factory=list)

    def dispatch(self, node: str, *parts: bytes, number: int | None = None) -> bool:
        if self.connected:
            head, body = unframe(b"".join(parts))
            self.sent.append((node, Dispatch.model_validate_json(head), body, number))
        return self.connected

    def answer_error(self, reply: str, error: ManyeyesError) -> None:
        self.answers.append((reply, error.code))

    def answer_chunk(self, reply: str, chunk: bytes, size_bytes: int) -> None:
        self.answers.append((reply, (chunk, size_bytes)))

    def answer_empty(self, reply: str) -> None:
        self.answers.append((reply, b""))


class Reader:
    """Takes the result as it is; refuses what says so."""

    def content(self, task: contract.Task, arrived: Arrived) -> Any:
        if arrived.result_json.startswith(b"lies"):
            raise ValueError("it lies")
        return task.id, arrived.result_json

    def error(self, outcome: Outcome) -> ManyeyesError:
        return DamagedPicture(outcome.detail)


@dataclass
class Recorder:
    told: list[tuple[Any, ...]] = field(default_factory=list)

    def accepted(self, kind: str) -> None:
        self.told.append(("accepted", kind))

    def refused(self, error: ManyeyesError) -> None:
        self.told.append(("refused", error.code))

    def attempt_ended(self, node: str, status: str, error: ManyeyesError | None) -> None:
        self.told.append((status, node, error and error.code))

    def answered(self, kind: str, node: str, error: Any, content: Any, trace: Any, now: float) -> None:
        self.told.append(("answered", kind, node, error and error.code))


class Gateway:
    """A dispatcher with what stands around it."""

    def __init__(self, **limits: Any) -> None:
        self.link, self.recorder = Link(), Recorder()
        self.paces = {name: Pace(2, 0.1, taking=True) for name in "ab"}
        self.spawned: list[asyncio.Task[None]] = []
        link: Any = self.link
        self.dispatcher = Dispatcher(
            link, "g", Limits(**limits), self.paces, Reader(), self.recorder, self._spawn, self._prove
        )
        self.now = 0.0
        self.proved: list[str] = []

    def _prove(self, node: str, now: float) -> None:
        self.proved.append(node)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.spawned.append(asyncio.create_task(work, name=name))

    def heartbeat(
        self, node: str = "a", session: str = "", holding: tuple[str, ...] = (), **grant: int
    ) -> None:
        told = {"allowed": 9, "allowed_bytes": 10**9, **grant}
        heartbeat = Heartbeat(
            state="ready",
            session=session or f"{node}-1",
            holding=holding,
            grants={"g": Grant(**told)},
            host=HOST,
        )
        self.dispatcher.on_heartbeat(node, heartbeat, self.now)

    async def submit(self, data: bytes = PICTURE, **more: Any) -> asyncio.Task[Answered]:
        """A sender who waits."""
        waits = asyncio.create_task(self.dispatcher.submit(data, ORDER, **more))
        await asyncio.sleep(0)
        return waits

    def result(
        self,
        task_id: str,
        node: str = "a",
        status: Status = "done",
        result: bytes = b"{}",
        session: str = "",
        detail: str = "",
    ) -> None:
        self.hear(node, self.outcome(task_id, node, status, result, session, detail))

    def outcome(
        self,
        task_id: str,
        node: str = "a",
        status: Status = "done",
        result: bytes = b"{}",
        session: str = "",
        detail: str = "",
    ) -> bytes:
        parts = {"result": len(result)} if status == "done" else {}
        head = Outcome(
            session=session or f"{node}-1", task_id=task_id, status=status, parts=parts, detail=detail
        )
        return frame(head.wire(), result if parts else b"")

    def hear(self, node: str, content: bytes, reply: str = "", **headers: Any) -> None:
        named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
        self.dispatcher.on_result(node, Incoming("s", content, named, reply), self.now)

    @property
    def tasks(self) -> list[tuple[str, str]]:
        """(node, id) of each task that was sent."""
        return [(node, word.task.id) for node, word, _, _ in self.link.sent if word.task]

    @property
    def settled(self) -> list[tuple[str, str]]:
        """(node, id) of each confirmation that was sent."""
        self.dispatcher._confirmations.flush()
        return [(node, task_id) for node, word, _, _ in self.link.sent for task_id in word.settled]


def play(body: Callable[[Gateway], Awaitable[None]], **limits: Any) -> Gateway:
    async def scene() -> Gateway:
        gateway = Gateway(**limits)
        await body(gateway)
        return gateway

    return asyncio.run(scene())


def test_a_picture_is_one_message_out_and_one_back() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        waits = await gateway.submit()
        ((node, word, piece, number),) = gateway.link.sent
        assert (node, piece, number, word.number, word.session) == ("a", PICTURE, 1, 1, "a-1")
        task = word.task
        assert task is not None and word.sent_bytes == len(PICTURE) == task.size_bytes
        assert (task.kind, task.pack, task.options, task.wants, task.state) == (
            "recognize", "p@1", {"o": 1}, ("picture",), {"gallery": 3},
        )  # fmt: skip
        assert (gateway.dispatcher.running, gateway.dispatcher.held_bytes) == (1, len(PICTURE))
        gateway.result(task.id)
        answered = await waits
        assert answered.content == (task.id, b"{}") and answered.task_id == task.id
        assert answered.trace_id and answered.size_bytes == 2
        assert gateway.settled == [("a", task.id)]
        assert (gateway.dispatcher.running, gateway.dispatcher.held_bytes) == (0, 0)
        assert (gateway.dispatcher.statistics.done, gateway.dispatcher.statistics.by_node) == (
            1,
            {"a": (1, 0)},
        )

    told = play(body).recorder.told
    assert told == [("accepted", "recognize"), ("done", "a", None), ("answered", "recognize", "a", None)]


def test_a_confirmation_travels_with_the_next_dispatch() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat(allowed=1)
        first, second = await gateway.submit(), await gateway.submit()
        ((_, task_id),) = gateway.tasks
        gateway.result(task_id)
        gateway.dispatcher.on_credit(
            "a", Credit(session="a-1", grants={"g": Grant(received=1, allowed=2), "h": Grant()}), 0.0
        )
        assert gateway.link.sent[1][1].settled == (task_id,)
        await first
        second.cancel()
        assert gateway.settled == [("a", task_id)], "and not by itself once more"

    play(body)


def test_pictures_wait_for_credit() -> None:
    async def body(gateway: Gateway) -> None:
        for waits in [await gateway.submit(), await gateway.submit()]:
            waits.cancel()
        assert gateway.tasks == [] and gateway.dispatcher.waiting == 2
        gateway.heartbeat(allowed=1)
        assert len(gateway.tasks) == 1 and gateway.dispatcher.waiting == 1
        assert not gateway.dispatcher.grants("a")

    play(body)


def test_a_crashed_picture_is_tried_again_and_given_up_in_the_end() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        waits = await gateway.submit()
        for attempt in range(2):
            gateway.result(gateway.tasks[attempt][1], status="crashed", detail="SIGSEGV")
            gateway.now += 1.0
            gateway.heartbeat(received=attempt + 1)
        with pytest.raises(PictureKillsWorkers, match="SIGSEGV"):
            await waits
        assert len({task_id for _, task_id in gateway.tasks}) == 2, "each attempt has an id of its own"

    gateway = play(body, max_attempts=2)
    assert gateway.dispatcher.statistics.failed == 1 and len(gateway.dispatcher._open) == 0
    assert [told[0] for told in gateway.recorder.told] == ["accepted", "crashed", "crashed", "answered"]


def test_an_answer_that_cannot_be_believed_counts_as_a_crash() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        waits = await gateway.submit()
        gateway.result(gateway.tasks[0][1], result=b"lies")
        with pytest.raises(PictureKillsWorkers, match="cannot be used: it lies"):
            await waits

    assert ("crashed", "a", None) in play(body, max_attempts=1).recorder.told


def test_the_pictures_own_error_is_its_answer() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        waits = await gateway.submit()
        gateway.result(gateway.tasks[0][1], status="error", detail="it ends early")
        with pytest.raises(DamagedPicture, match="it ends early"):
            await waits

    play(body)


def test_outcomes_of_others_of_another_session_or_unreadable_change_nothing() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat("a")
        gateway.heartbeat("b", allowed=0)
        waits = await gateway.submit()
        ((_, task_id),) = gateway.tasks
        gateway.result(task_id, node="b")
        gateway.result(task_id, session="a-0")
        gateway.result("unknown")
        with pytest.raises(ValueError, match="cut short"):
            gateway.hear("a", b"")
        await asyncio.sleep(0)
        assert not waits.done()
        assert gateway.settled == [("b", task_id), ("a", "unknown")], "who has what nobody wants is told so"
        gateway.result(task_id)
        await waits

    play(body)


def test_an_outcome_that_comes_twice_is_confirmed_twice_and_counted_once() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        waits = await gateway.submit()
        for _ in range(2):
            gateway.result(gateway.tasks[0][1])
        await waits
        assert len(gateway.settled) == 2

    assert play(body).dispatcher.statistics.done == 1


def test_an_outcome_in_chunks_is_answered_chunk_by_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrived_module, "LEAST_CHUNK_BYTES", 1)

    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        waits = await gateway.submit()
        ((_, task_id),) = gateway.tasks
        content = gateway.outcome(task_id)
        size = len(content)
        gateway.hear("a", content[:9], "r1", Me_Task=task_id, Me_Offset=0, Me_Size=size)
        gateway.hear("b", content[9:], "r2", Me_Task=task_id, Me_Offset=9, Me_Size=size)
        gateway.hear("a", content[9:], "r3", Me_Task=task_id, Me_Offset=9, Me_Size=size)
        await waits
        assert gateway.link.answers == [("r1", b""), ("r2", "task-lost"), ("r3", b"")]
        gateway.hear("a", content[9:], "r4", Me_Task=task_id, Me_Offset=9, Me_Size=size)
        assert gateway.link.answers[-1] == ("r4", "task-lost")

    play(body)


def test_a_long_result_is_read_beside_the_loop_and_its_node_is_held_to_hold_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outcomes_module, "READ_IN_THREAD_BYTES", 1)

    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        waits = await gateway.submit()
        ((_, task_id),) = gateway.tasks
        gateway.result(task_id)
        gateway.result(task_id)
        gateway.heartbeat(received=1)
        assert gateway.tasks == [("a", task_id)], (
            "the node says that it has it no more; so it is, since it is here"
        )
        await asyncio.gather(*gateway.spawned)
        assert (await waits).content == (task_id, b"{}")

    assert play(body).dispatcher.statistics.done == 1


def test_more_of_a_picture_goes_to_its_holder_only() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat(allowed_bytes=4)
        waits = await gateway.submit()
        ((_, word, piece, _),) = gateway.link.sent
        assert piece == PICTURE[:4] and word.task is not None
        query = ChunkQuery(task_id=word.task.id, offset=4, most_bytes=3)
        gateway.dispatcher.on_chunk("a", query, "r1")
        gateway.dispatcher.on_chunk("b", query, "r2")
        gateway.dispatcher.on_chunk("a", query.model_copy(update={"task_id": "x"}), "r3")
        assert gateway.link.answers == [
            ("r1", (PICTURE[4:7], len(PICTURE))),
            ("r2", "task-lost"),
            ("r3", "task-lost"),
        ]
        waits.cancel()

    play(body)


def test_the_second_attempt_of_a_node_fetches_the_same_picture() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        waits = await gateway.submit()
        gateway.result(gateway.tasks[0][1], status="crashed")
        gateway.now += 1.0
        gateway.heartbeat(received=1)
        (_, first), (_, second) = gateway.tasks
        assert second.startswith(f"{first}.")
        gateway.dispatcher.on_chunk("a", ChunkQuery(task_id=second, offset=0, most_bytes=99), "r")
        assert gateway.link.answers == [("r", (PICTURE, len(PICTURE)))]
        gateway.result(second)
        assert (await waits).task_id == first

    play(body)


def test_a_lost_nodes_picture_goes_to_another() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat("a")
        waits = await gateway.submit()
        gateway.heartbeat("b")
        gateway.dispatcher.node_gone("a")
        (_, first), (node, second) = gateway.tasks
        assert node == "b"
        gateway.result(first, node="a")
        assert not waits.done()
        gateway.result(second, node="b")
        await waits

    play(body)


def test_a_dispatch_that_nobody_took_goes_to_another_node() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat("a")
        waits = await gateway.submit()
        gateway.heartbeat("b")
        gateway.dispatcher.on_absent("a", 1)
        assert [node for node, _ in gateway.tasks] == ["a", "b"]
        waits.cancel()

    play(body)


def test_a_node_that_was_started_anew_has_lost_what_it_held() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        waits = await gateway.submit()
        gateway.heartbeat(session="a-2")
        _, (_, second) = gateway.tasks
        assert gateway.link.sent[-1][1].session == "a-2"
        gateway.result(second, session="a-2")
        await waits

    play(body)


def test_a_node_that_missed_its_last_dispatch_is_told_its_number() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        waits = await gateway.submit()
        gateway.result(gateway.tasks[0][1])
        await waits
        gateway.heartbeat(received=0)
        _, word, _, number = gateway.link.sent[-1]
        assert (word.task, word.number, word.sent_bytes, number) == (None, 1, len(PICTURE), None)

    play(body)


def test_nothing_is_sent_while_the_engine_is_away_and_nothing_on_old_grants_after() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        gateway.link.connected = False
        waits = await gateway.submit()
        assert gateway.dispatcher.waiting == 1
        gateway.dispatcher.engine_lost()
        gateway.link.connected = True
        gateway.dispatcher.rebalance(0.0)
        assert gateway.tasks == []
        gateway.heartbeat()
        assert len(gateway.tasks) == 1
        waits.cancel()

    play(body)


def test_a_dispatch_that_fails_leaves_the_picture_and_the_confirmations_waiting() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        first = await gateway.submit()
        gateway.result(gateway.tasks[0][1])
        await first
        refuses = gateway.link.dispatch
        gateway.link.dispatch = lambda *told, **number: False  # type: ignore[method-assign]
        second = await gateway.submit()
        assert gateway.dispatcher.waiting == 1
        gateway.link.dispatch = refuses  # type: ignore[method-assign]
        gateway.heartbeat(received=1)
        assert gateway.link.sent[-1][1].settled == (gateway.tasks[0][1],)
        assert gateway.dispatcher.waiting == 0
        second.cancel()

    play(body)


def test_a_node_that_leaves_is_told_its_last_dispatch() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        for waits in (await gateway.submit(), await gateway.submit()):
            waits.cancel()
        assert gateway.dispatcher.on_drain("a", "a-0").last == 0, "another process asks"
        assert gateway.dispatcher.on_drain("a", "a-1").last == 2
        (await gateway.submit()).cancel()
        assert len(gateway.tasks) == 2

    play(body)


def test_the_same_picture_under_one_key_is_worked_on_once() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        first = await gateway.submit(key="k")
        second = await gateway.submit(key="k")
        assert len(gateway.tasks) == 1
        with pytest.raises(IdempotencyMismatch):
            await gateway.dispatcher.submit(b"another", ORDER, key="k")
        gateway.result(gateway.tasks[0][1])
        assert (await first) is (await second) is await gateway.dispatcher.submit(PICTURE, ORDER, key="k")

    play(body)


def test_a_picture_goes_on_when_its_sender_leaves() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        waits = await gateway.submit(key="k")
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
        gateway.result(gateway.tasks[0][1])
        assert (await gateway.dispatcher.submit(PICTURE, ORDER, key="k")).task_id == gateway.tasks[0][1]

    play(body)


def test_there_is_only_so_much_room() -> None:
    async def body(gateway: Gateway) -> None:
        waits = [await gateway.submit(b"x" * 30)]
        with pytest.raises(Busy):
            await gateway.dispatcher.submit(b"x" * 30, ORDER)
        waits.append(await gateway.submit(b"x"))
        with pytest.raises(Busy):
            await gateway.dispatcher.submit(b"x", ORDER)
        for one in waits:
            one.cancel()

    gateway = play(body, max_held_bytes=50, max_waiting=2)
    assert gateway.recorder.told.count(("refused", "busy")) == 2


def test_one_picture_larger_than_the_room_is_taken_while_there_is_no_other() -> None:
    async def body(gateway: Gateway) -> None:
        (await gateway.submit(b"x" * 99)).cancel()
        assert gateway.dispatcher.held_bytes == 99

    play(body, max_held_bytes=50)


def test_a_gateway_that_stops_ends_what_it_has_and_takes_nothing_in() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        sent, waits = await gateway.submit(), await gateway.submit()
        await gateway.dispatcher.close(0.0)
        for one in (sent, waits):
            with pytest.raises(TaskLost):
                await one
        with pytest.raises(Unavailable):
            await gateway.dispatcher.submit(PICTURE, ORDER)
        assert sorted(gateway.settled) == sorted(gateway.tasks), "nobody works on what nobody wants"

    assert play(body).dispatcher.closing


def test_a_picture_that_takes_too_long_is_hedged_and_the_first_answer_counts() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat("a")
        waits = await gateway.submit()
        gateway.heartbeat("b")
        gateway.dispatcher.rebalance(dispatcher_module.time.monotonic() + 8.0)
        (_, first), (node, second) = gateway.tasks
        assert node == "b"
        gateway.result(second, node="b")
        await waits
        assert set(gateway.settled) == {("a", first), ("b", second)}

    play(body)


def test_others_get_what_an_unresponsive_node_holds_and_its_own_answer_still_counts() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat("a")
        waits = await gateway.submit()
        gateway.heartbeat("b")
        gateway.dispatcher.node_unresponsive("a")
        assert [node for node, _ in gateway.tasks] == ["a", "b"]
        gateway.result(gateway.tasks[0][1], node="a")
        await waits

    play(body)


def test_a_probe_is_answered_to_nobody_and_proves_its_node() -> None:
    async def body(gateway: Gateway) -> None:
        assert gateway.dispatcher.send_probe("a", PICTURE, ORDER, 0.0) is None, "it granted nothing"
        gateway.heartbeat()
        probe = gateway.dispatcher.send_probe("a", PICTURE, ORDER, 0.0)
        assert gateway.tasks == [("a", probe)] and gateway.dispatcher.running == 0
        gateway.result(str(probe))
        assert gateway.proved == ["a"] and len(gateway.dispatcher._open) == 0
        lost = gateway.dispatcher.send_probe("a", PICTURE, ORDER, 0.0)
        gateway.dispatcher.node_gone("a")
        assert lost is not None and len(gateway.dispatcher._open) == 0
        assert gateway.dispatcher.statistics.done == 0

    assert [told[0] for told in play(body).recorder.told] == ["done"]


def test_a_removed_node_leaves_nothing() -> None:
    async def body(gateway: Gateway) -> None:
        gateway.heartbeat()
        waits = await gateway.submit()
        gateway.result(gateway.tasks[0][1])
        await waits
        gateway.dispatcher.forget("a")
        assert gateway.dispatcher.statistics.by_node == {} and not gateway.dispatcher.grants("a")
        gateway.result(gateway.tasks[0][1])

    play(body)


def test_how_long_the_oldest_picture_waits() -> None:
    async def body(gateway: Gateway) -> None:
        assert gateway.dispatcher.oldest_waiting_s(10.0) == 0.0
        (await gateway.submit()).cancel()
        now = dispatcher_module.time.monotonic()
        assert 5.0 <= gateway.dispatcher.oldest_waiting_s(now + 5.0) < 6.0

    play(body)
