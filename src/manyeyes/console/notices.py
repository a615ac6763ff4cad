"""What a page is told of changes: one stream for all that is kept on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from typing import Any

from nicegui import background_tasks, ui

from manyeyes.errors import ManyeyesError, NotAllowed, NotSignedIn
from manyeyes.sdk.client import AsyncClient

_APART_S = 1.0
"""Between two refreshes that notices ask for; what changes meanwhile is seen by the second."""
_AGAIN_S = 5.0


@dataclass
class _Kept:
    kinds: frozenset[str]
    refresh: Callable[[], Awaitable[None]]
    refreshed_at: float = 0.0


class Notices:
    """Refreshes what is kept as soon as something of its kind changed, while the page lives.

    Who may not listen, or cannot just now, is served by the page's timers all the same.
    """

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._kept: list[_Kept] = []
        self._is_listening = False

    def keep(self, kinds: frozenset[str], refresh: Callable[[], Awaitable[None]]) -> None:
        """Call `refresh` when something of these kinds changed."""
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
        while True:
            try:
                async with aclosing(self._client.events()) as notices:
                    async for notice in notices:
                        await self._changed(page, notice.kind)
            except (NotSignedIn, NotAllowed):
                return
            except ManyeyesError:
                await asyncio.sleep(_AGAIN_S)

    async def _changed(self, page: AbstractContextManager[Any], kind: str) -> None:
        for kept in self._kept:
            if kind not in kept.kinds:
                continue
            await asyncio.sleep(kept.refreshed_at + _APART_S - time.monotonic())
            kept.refreshed_at = time.monotonic()
            with page:
                await kept.refresh()
