"""The engine is asked twice a second at most, and not at all where it does not run."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

from manyeyes.monitoring.engine_check import EngineCheck


class Link:
    """Answers as the test says; counts."""

    def __init__(self) -> None:
        self.asked = 0
        self.says = True

    async def answers(self, within_s: float) -> bool:
        self.asked += 1
        await asyncio.sleep(0)
        return self.says


def test_many_who_ask_at_once_ask_the_engine_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    link, engine = Link(), SimpleNamespace(pid=1, last_words=lambda: "bye")
    parts: Any = (engine, link)

    async def scene() -> None:
        nonlocal now
        check = EngineCheck(*parts)
        assert await asyncio.gather(*(check.answers() for _ in range(9))) == [True] * 9
        link.says = False
        now += 0.4
        assert await check.answers() and link.asked == 1 and check.last_words() == ""
        now += 0.2
        assert not await check.answers() and link.asked == 2
        engine.pid = None
        now += 9.0
        assert not await check.answers() and link.asked == 2
        assert not check.runs and check.last_words() == "bye"

    asyncio.run(scene())
