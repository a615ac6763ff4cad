"""Notices of change: coalesced, bounded, and nobody waits for who is slow."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from manyeyes.errors import Busy
from manyeyes.monitoring.change_events import APART_S, KINDS, MOST_LISTENERS, EventHub


def test_at_first_everything_is_told_then_each_kind_twice_a_second_at_most() -> None:
    hub = EventHub()
    with hub.listening() as listener:
        assert listener.take_due(10.0) == list(KINDS)
        assert listener.take_due(10.0) == []
        for _ in range(1000):
            hub.notify("pictures")
        hub.notify("nodes")
        assert listener.take_due(10.1) == []
        assert listener.take_due(10.0 + APART_S) == ["nodes", "pictures"]
        hub.notify("pictures")
        assert listener.take_due(10.1 + APART_S) == []
        assert listener.take_due(10.0 + 2 * APART_S) == ["pictures"]
        hub.notify("keys")
        assert listener.take_due(10.0 + 2 * APART_S) == ["keys"], "what is rare is told at once"


def test_a_slow_listener_is_told_every_kind_and_takes_no_room() -> None:
    hub = EventHub()
    with hub.listening() as slow, hub.listening() as quick:
        for step in range(10_000):
            hub.notify(KINDS[step % len(KINDS)])
            quick.take_due(float(step))
        assert len(slow._pending) <= len(KINDS)
        assert slow.take_due(20_000.0) == list(KINDS)


def test_waiting_for_notices() -> None:
    async def played() -> None:
        hub = EventHub()
        with hub.listening() as listener:
            assert await listener.next(5) == list(KINDS)
            began = time.monotonic()
            assert await listener.next(0.05) == []
            assert 0.04 < time.monotonic() - began < APART_S
            hub.notify("people")
            assert await listener.next(5) == ["people"]
            assert time.monotonic() - began >= APART_S - 0.01
            asyncio.get_running_loop().call_later(0.02, hub.close)
            assert await listener.next(30) == []
            assert listener.closed
        with hub.listening() as late:
            assert await late.next(30) == [], "who comes when the master stops is not kept"

    asyncio.run(asyncio.wait_for(played(), 10))


def test_not_everybody_may_listen_at_once() -> None:
    hub = EventHub()
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_LISTENERS):
            stack.enter_context(hub.listening())
        with pytest.raises(Busy, match="the limit is"), hub.listening():
            pass
    assert hub.listeners == 0
