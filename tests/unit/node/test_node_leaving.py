"""What a node that leaves waits for."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from manyeyes.node import leaving
from manyeyes.node.leaving import end_work


class Node:
    """Notes what was waited for; each wait may be one without end."""

    def __init__(self, *endless: str) -> None:
        self.endless = endless
        self.done: list[str] = []
        self.given_up: list[str] = []
        self.link: Any = SimpleNamespace(broken_for=lambda seconds: self.wait("away"))
        self.pool: Any = SimpleNamespace(empty=lambda: self.wait("pool"))
        self.intake: Any = SimpleNamespace(
            in_hand=1,
            drain=lambda: self.wait("drain"),
            outbox=SimpleNamespace(emptied=lambda: self.wait("outbox")),
        )

    async def wait(self, name: str) -> None:
        if name in self.endless:
            try:
                await asyncio.Event().wait()
            finally:
                self.given_up.append(name)
        self.done.append(name)

    def leave(self) -> None:
        async def scene() -> None:
            async with asyncio.timeout(20):
                await end_work(self.link, self.intake, self.pool)

        asyncio.run(scene())


def test_outcomes_are_confirmed_once_nothing_more_is_sent_and_no_picture_is_in_hand() -> None:
    node = Node("away")
    node.leave()
    assert sorted(node.done[:2]) == ["drain", "pool"] and node.done[2:] == ["outbox"]


def test_gateways_that_confirm_nothing_are_not_waited_for_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "LEAVE_CONFIRMED_S", 0.0)
    node = Node("away", "drain", "outbox")
    node.leave()
    assert node.done == ["pool"]


def test_a_master_that_is_away_is_not_waited_for() -> None:
    node = Node("pool", "drain")
    node.leave()
    assert node.done == ["away"] and sorted(node.given_up) == ["drain", "pool"]
