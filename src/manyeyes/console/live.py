"""Keeping a page as things are: built anew when something changed, and when it was long ago."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from manyeyes.console.dialogs import leave_signed_out
from manyeyes.console.visitor import Visitor
from manyeyes.errors import ManyeyesError, NotSignedIn


def keep(visitor: Visitor, refresh: Callable[[], Awaitable[None]], *, every_s: float) -> None:
    """Run `refresh` every `every_s` seconds while somebody looks at the page; the first time at once.

    What the gateway refuses or cannot answer now stands on the page until it answers again.
    """
    trouble = ui.element("div").props('role="status"').classes("trouble")
    trouble.set_visibility(False)
    with trouble:
        ui.icon("cloud_off").props('aria-hidden="true"')
        words = ui.label()

    async def once() -> None:
        try:
            await refresh()
        except NotSignedIn:
            leave_signed_out()
        except ManyeyesError as error:
            words.text = error.detail
            trouble.set_visibility(True)
        else:
            trouble.set_visibility(False)

    ui.timer(every_s, once, immediate=True)
