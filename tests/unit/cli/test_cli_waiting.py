"""Sending while no node is ready: patience ends only where some node is."""

from __future__ import annotations

import asyncio

import pytest

from manyeyes.api.overview import Status
from manyeyes.cli.sending import waiting
from manyeyes.cli.sending.waiting import WaitingClient, waiting_sentence
from manyeyes.errors import Unavailable
from manyeyes.results import Result
from manyeyes.sdk.answers import Prediction
from manyeyes.sdk.context import Context


def status(workers: int, **nodes: int) -> Status:
    return Status(version="0", uptime_s=1, nodes=nodes, workers=workers, tasks={}, people=0)


def test_the_sentence_names_the_states() -> None:
    assert waiting_sentence(status(2, ready=1)) is None
    said = waiting_sentence(status(0, paused=1, lost=2, ready=0))
    assert said == "waiting: no node is ready (2 lost, 1 paused); the pictures stay in the queue"
    assert "none has joined" in str(waiting_sentence(status(0)))


class Master:
    """Answers no picture before `ready_after` questions about its status; `away`: it answers none of these either."""

    context = Context("https://10.0.0.4:8443", "", "key")

    def __init__(self, ready_after: int, workers_before: int = 0, *, away: bool = False) -> None:
        self.away = away
        self.asked = 0
        self.ready_after = ready_after
        self.workers_before = workers_before
        self.keys: set[str] = set()

    async def status(self) -> Status:
        self.asked += 1
        if self.away and self.asked <= self.ready_after:
            raise Unavailable("no answer")
        return status(1 if self.asked > self.ready_after else self.workers_before)

    async def recognize(
        self, data: bytes, *, picture: bool, idempotency_key: str, still: object = None
    ) -> Prediction:
        self.keys.add(idempotency_key)
        await asyncio.sleep(0.05)
        if self.asked <= self.ready_after:
            raise Unavailable("patience ended")
        empty = Result(width_px=1, height_px=1, media_type="image/png", faces=(), pack="p", timings_ms={})
        return Prediction(empty)


async def send(master: Master, said: list[str]) -> Prediction:
    client = WaitingClient(master, said.append)  # type: ignore[arg-type]
    watch = asyncio.create_task(client.watch())
    await asyncio.sleep(0.02)
    try:
        return await client.recognize(b"", picture=False)
    finally:
        watch.cancel()


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "QUIET_S", 0.0)
    monkeypatch.setattr(waiting, "_LOOK_EVERY_S", 0.01)


def test_a_picture_waits_for_a_node_under_one_key() -> None:
    master, said = Master(ready_after=20), list[str]()
    assert asyncio.run(send(master, said)).result.pack == "p"
    assert len(master.keys) == 1
    assert len([line for line in said if line.startswith("waiting:")]) == 1
    assert said[-1] == "going on" or len(said) == 1


def test_patience_ends_where_a_node_is_ready() -> None:
    said: list[str] = []
    with pytest.raises(Unavailable):
        asyncio.run(send(Master(ready_after=1000, workers_before=1), said))
    assert said == []


def test_it_says_at_once_that_the_master_does_not_answer_and_patience_ends() -> None:
    said: list[str] = []
    with pytest.raises(Unavailable):
        asyncio.run(send(Master(ready_after=1000, away=True), said))
    (line,) = said
    assert line.startswith("waiting for the master at https://10.0.0.4:8443, which does not answer")


def test_it_says_when_the_master_is_back() -> None:
    async def watched(said: list[str]) -> None:
        watch = asyncio.create_task(WaitingClient(Master(3, away=True), said.append).watch())  # type: ignore[arg-type]
        while len(said) < 2:
            await asyncio.sleep(0.01)
        watch.cancel()

    said: list[str] = []
    asyncio.run(asyncio.wait_for(watched(said), 5))
    assert said[1] == "going on"
