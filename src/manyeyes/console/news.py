"""Hearing that something changed, for as long as a page is open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from nicegui import background_tasks, ui

from manyeyes.console.dialogs import leave_signed_out
from manyeyes.console.visitor import Visitor
from manyeyes.errors import ManyeyesError, NotSignedIn

_AGAIN_S = 3.0


def heed(visitor: Visitor, kinds: set[str], refresh: Callable[[], Awaitable[None]]) -> None:
    """Run `refresh` at once, and whenever the master says that something of these kinds changed.

    Needs the role `operator`. A master that is away is asked again until it answers; what `refresh` raises is not
    shown: the page keeps what it shows until then.
    """
    page = ui.context.client

    async def listen() -> None:
        while True:
            try:
                async with aclosing(visitor.client.events()) as notices:
                    async for notice in notices:
                        if notice.kind in kinds:
                            with page:
                                await refresh()
            except NotSignedIn:
                with page:
                    leave_signed_out()
                return
            except ManyeyesError:
                await asyncio.sleep(_AGAIN_S)

    task = background_tasks.create(listen(), name="console-news")
    page.on_delete(lambda: task.cancel() and None)
