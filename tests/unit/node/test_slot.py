"""One seat, without processes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from manyeyes.broker.nodelink import Delivery
from manyeyes.contract import Outcome, Task
from manyeyes.node.pace import Pace
from manyeyes.node.slot import ProbeBox, Slot, Tally


def task(task_id: str) -> Task:
    return Task(
        id=task_id,
        operation="recognize",
        gateway="g",
        pack="p",
        size_bytes=0,
        sha256="",
        draw=False,
        gallery_version=0,
    )


def test_a_picture_that_comes_while_an_ended_worker_is_replaced_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Ended:
        async def wait(self) -> None:
            return

        def kill(self) -> None:
            return

    async def play() -> int:
        nothing: Any = None
        slot = Slot(0, nothing, nothing, nothing, set(), Tally(), Pace(), ProbeBox(), 1.0, nothing)

        async def rest(_: str) -> None:
            await slot._ahead.put(nothing)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        monkeypatch.setattr(slot, "_rest", rest)
        worker: Any = Ended()
        assert await slot._next_picture(worker) is None
        return slot._ahead.qsize()

    assert asyncio.run(play()) == 1


def test_a_seat_whose_worker_is_gone_takes_nothing_and_gives_back_what_is_ahead() -> None:
    class Link:
        def __init__(self) -> None:
            self.asked = 0
            self.given_back: list[str] = []

        async def deliveries(self, due: Any, late: Any) -> Any:
            self.asked += 1
            for number in range(2):
                yield Delivery(task(f"{self.asked}-{number}"), "")
            await asyncio.sleep(1000)

        async def fetch(self, verb: str, claim: Any) -> tuple[bytes, dict[str, str]]:
            return b"", {}

        async def send_outcome(self, outcome: Outcome, drawn: bytes) -> None:
            self.given_back.append(outcome.task_id)

    async def changed() -> None:
        return

    async def play() -> None:
        nothing: Any = None
        link: Any = Link()
        holding: set[str] = set()
        slot = Slot(0, link, nothing, nothing, holding, Tally(), Pace(), ProbeBox(), 1.0, changed)
        slot.ready.set()
        feeding = asyncio.ensure_future(slot._keep_fed())
        slot.open(True)
        await asyncio.sleep(0.01)
        assert holding == {"1-0", "1-1"}
        await slot._pause("worker replaced", "it ended", 0.01)
        assert sorted(link.given_back) == ["1-0", "1-1"]
        assert holding == set()
        await asyncio.sleep(0.01)
        assert link.asked == 1, "pictures are asked for while no worker lives"
        feeding.cancel()

    asyncio.run(play())
