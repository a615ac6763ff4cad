"""Change events for a page: one stream for everything on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass, field
from typing import Any

from nicegui import background_tasks, ui

from manyeyes.errors import ManyeyesError, NotAllowed, NotSignedIn
from manyeyes.sdk.client import AsyncClient

_APART_S = 0.5
_MOST_APART_S = 4.0
"""Between two refreshes that notices ask for, at first and while they do not cease, as nodes of a busy fleet tell."""
_AGAIN_S = 5.0


def pause_s(streak: int) -> float:
    """How long after its last refresh something is refreshed again, the `streak`th time in a row."""
    return min(_APART_S * 2.0 ** min(max(0, streak - 1), 10), _MOST_APART_S)


@dataclass
class _Kept:
    kinds: frozenset[str]
    refresh: Callable[[], Awaitable[None]]
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class Notices:
    """Refreshes what is kept as soon as something of its kind changed, while the page lives.

    Who may not listen, or cannot just now, is served by the page's timers all the same.
    """

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._kept: list[_Kept] = []
        self._is_listening = False

    def keep(self, kinds: frozenset[str], refresh: Callable[[], Awaitable[None]]) -> None:
        """Call `refresh` when something of these kinds changed; only before `listen`."""
        self._kept.append(_Kept(kinds, refresh))

    def listen(self) -> None:
        """Begin, once the page is there; later calls change nothing."""
        if self._is_listening or not self._kept:
            return
        self._is_listening = True
        page = ui.context.client
        task = background_tasks.create(self.follow(page), name="notices of a page")
        page.on_delete(task.cancel)

    async def follow(self, page: AbstractContextManager[Any]) -> None:
        """Refresh at each notice, within the page, until the session ends."""
        async with asyncio.TaskGroup() as group:
            refreshing = [
                group.create_task(_refreshing(page, kept), name="refresh at notices") for kept in self._kept
            ]
            try:
                await self._hear()
            finally:
                for task in refreshing:
                    task.cancel()

    async def _hear(self) -> None:
        while True:
            try:
                async with aclosing(self._client.events()) as notices:
                    async for notice in notices:
                        for kept in self._kept:
                            if notice.kind in kept.kinds:
                                kept.woken.set()
            except (NotSignedIn, NotAllowed):
                return
            except ManyeyesError:
                await asyncio.sleep(_AGAIN_S)


async def _refreshing(page: AbstractContextManager[Any], kept: _Kept) -> None:
    refreshed_at, streak = 0.0, 0
    while True:
        await kept.woken.wait()
        quiet_s = time.monotonic() - refreshed_at
        streak = 0 if quiet_s > 2 * pause_s(streak) else streak + 1
        await asyncio.sleep(pause_s(streak) - quiet_s)
        kept.woken.clear()
        refreshed_at = time.monotonic()
        with page:
            await kept.refresh()
