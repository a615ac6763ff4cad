"""One seat, without processes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from manyeyes.node.pace import Pace
from manyeyes.node.slot import Slot, Tally


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
        slot = Slot(0, nothing, nothing, nothing, set(), Tally(), Pace(), nothing, 1.0, nothing)

        async def rest(_: str) -> None:
            await slot._ahead.put(nothing)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        monkeypatch.setattr(slot, "_rest", rest)
        worker: Any = Ended()
        assert await slot._next_picture(worker) is None
        return slot._ahead.qsize()

    assert asyncio.run(play()) == 1
