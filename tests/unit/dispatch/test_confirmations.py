"""Confirmations travel with a dispatch where one goes out in time, and alone otherwise."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from manyeyes.broker.transfer import unframe
from manyeyes.dispatch.confirmations import MOST_SETTLED, SETTLE_S, Confirmations


class Link:
    """Keeps what is dispatched."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def dispatch(self, node: str, *parts: bytes, number: int | None = None) -> bool:
        self.sent.append((node, json.loads(unframe(b"".join(parts))[0])))
        return True


def waiting() -> tuple[Link, Confirmations]:
    link = Link()
    return link, Confirmations(link, "g", {"a": "s"})  # type: ignore[arg-type]


def test_a_dispatch_takes_at_most_so_many_along_and_the_rest_goes_later() -> None:
    async def body() -> None:
        link, confirmations = waiting()
        for number in range(MOST_SETTLED + 3):
            confirmations.add("a", str(number))
        assert confirmations.take("a") == tuple(str(number) for number in range(MOST_SETTLED))
        confirmations.flush()
        assert [word["settled"] for _, word in link.sent] == [["256", "257", "258"]]
        assert confirmations.take("a") == ()

    asyncio.run(body())


def test_what_a_failed_dispatch_took_along_comes_back_in_order() -> None:
    async def body() -> None:
        link, confirmations = waiting()
        confirmations.add("a", "1")
        taken = confirmations.take("a")
        confirmations.add("a", "2")
        confirmations.put_back("a", taken)
        confirmations.flush()
        assert link.sent[0][1]["settled"] == ["1", "2"] and link.sent[0][1]["session"] == "s"

    asyncio.run(body())


def test_what_no_dispatch_takes_along_goes_alone_and_a_node_that_is_gone_gets_nothing() -> None:
    async def body() -> None:
        link, confirmations = waiting()
        confirmations.add("a", "1")
        confirmations.add("gone", "2")
        confirmations.forget("gone")
        assert link.sent == []
        async with asyncio.timeout(SETTLE_S * 100):
            while not link.sent:
                await asyncio.sleep(SETTLE_S / 10)
        assert [(node, word["settled"]) for node, word in link.sent] == [("a", ["1"])]

    asyncio.run(body())
