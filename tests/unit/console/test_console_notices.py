"""Pages are refreshed when something of theirs changed, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import nullcontext
from typing import Any, cast

import pytest

from manyeyes.api.overview import Notice
from manyeyes.console import notices
from manyeyes.console.notices import Notices
from manyeyes.errors import ManyeyesError, NotSignedIn, Unavailable
from manyeyes.sdk.client import AsyncClient


class Told:
    """A client whose stream tells kinds, then ends by an error; one list for each time it is asked."""

    def __init__(self, *streams: tuple[list[str], ManyeyesError]) -> None:
        self._streams = list(streams)

    async def events(self) -> AsyncGenerator[Notice, None]:
        """The next stream."""
        kinds, error = self._streams.pop(0)
        for kind in kinds:
            yield Notice(kind=kind)
            for _ in range(20):  # whoever waits for it comes to its turn
                await asyncio.sleep(0)
        raise error


def _refreshed(told: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(notices, "_APART_S", 0.0)
    monkeypatch.setattr(notices, "_AGAIN_S", 0.0)
    refreshed: list[str] = []
    kept = Notices(cast(AsyncClient, told))

    async def nodes() -> None:
        refreshed.append("nodes")

    async def both() -> None:
        refreshed.append("both")

    kept.keep(frozenset({"nodes"}), nodes)
    kept.keep(frozenset({"nodes", "people"}), both)
    asyncio.run(asyncio.wait_for(kept.follow(nullcontext()), 10))
    return refreshed


def test_what_does_not_cease_is_refreshed_ever_more_seldom() -> None:
    assert [notices.pause_s(streak) for streak in range(6)] == [0.5, 0.5, 1.0, 2.0, 4.0, 4.0]
    assert notices.pause_s(100_000) == 4.0


def test_only_what_changed_is_refreshed(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told((["people", "pictures", "nodes"], NotSignedIn("the session has ended")))
    assert _refreshed(told, monkeypatch) == ["both", "nodes", "both"]


def test_a_lost_stream_is_listened_to_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = Told(
        (["people"], Unavailable("the master is stopping")),
        (["nodes"], NotSignedIn("the session has ended")),
    )
    assert _refreshed(told, monkeypatch) == ["both", "nodes", "both"]
