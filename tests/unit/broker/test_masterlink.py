"""Who listens for a lost connection hears of each loss."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from manyeyes.broker import masterlink
from manyeyes.broker.masterlink import MasterLink


def test_a_lost_connection_is_told_to_all_that_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    disconnect: list[Callable[[], Awaitable[None]]] = []

    async def connect_client(*_: Any, disconnected_cb: Callable[[], Awaitable[None]]) -> object:
        disconnect.append(disconnected_cb)
        return object()

    monkeypatch.setattr(masterlink, "connect_client", connect_client)

    async def scene() -> list[str]:
        told: list[str] = []
        link = await MasterLink.connect("127.0.0.1:1", "ca", "seed", "g")
        await disconnect[0]()
        link.listen_for_loss(lambda: told.append("first"))
        link.listen_for_loss(lambda: told.append("second"))
        await disconnect[0]()
        return told

    assert asyncio.run(scene()) == ["first", "second"]
