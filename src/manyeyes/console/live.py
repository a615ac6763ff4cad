"""Keeps a page up to date: refreshed when something changed, and from time to time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection

from nicegui import ui

from manyeyes.console.dialogs import leave_signed_out
from manyeyes.console.visitor import Visitor
from manyeyes.errors import ManyeyesError, NotSignedIn


def keep(
    visitor: Visitor, refresh: Callable[[], Awaitable[None]], *, every_s: float, kinds: Collection[str] = ()
) -> None:
    """Run `refresh` every `every_s` seconds while somebody looks at the page; the first time at once.

    What the gateway refuses or cannot answer now stands on the page until it answers again.

    Args:
        kinds: of notices (`Notice.kind`) at which it runs at once, for visitors who may hear them.
    """
    trouble = ui.element("div").props('role="status"').classes("trouble")
    trouble.set_visibility(False)
    with trouble:
        ui.icon("cloud_off").props('aria-hidden="true"')
        words = ui.label()

    one_at_a_time = asyncio.Lock()

    async def once() -> None:
        visitor.notices.listen()
        try:
            async with one_at_a_time:
                await refresh()
        except NotSignedIn:
            leave_signed_out()
        except ManyeyesError as error:
            words.text = error.detail
            trouble.set_visibility(True)
        else:
            trouble.set_visibility(False)

    if kinds and visitor.may("operator"):
        visitor.notices.keep(frozenset(kinds), once)
    ui.timer(every_s, once, immediate=True)
