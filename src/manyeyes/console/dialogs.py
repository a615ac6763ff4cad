"""Dialogs of pages: errors, notices, and confirmations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Any

from nicegui import context, ui

from manyeyes.errors import ManyeyesError, NotSignedIn


def say_error(error: ManyeyesError) -> None:
    """Show an error in the page, in the words of the gateway."""
    with ui.element("div").props('role="alert"').classes("problem"):
        ui.icon("error").props('aria-hidden="true"')
        with ui.element("div"):
            ui.label(error.title).classes("problem-title")
            ui.label(error.detail)


def leave_signed_out() -> None:
    """Go to the sign-in page, since the session has ended, and come back from there."""
    ui.run_javascript(
        "location.href = manyeyes.base + '/sign-in?ended=1&to=' + encodeURIComponent(location.pathname + location.search)"
    )


def reporting(action: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[None]]:
    """An action whose errors are shown to the person who started it.

    It belongs to the page, not to the button that started it: when the page shows a change, it may replace the button
    while the action still runs, or while it asks something.
    """

    @wraps(action)
    async def told(*arguments: Any) -> None:
        with context.client:
            try:
                await action(*arguments)
            except NotSignedIn:
                leave_signed_out()
            except ManyeyesError as error:
                ui.notify(
                    error.detail, type="negative", position="bottom", close_button="Close", timeout=10_000
                )

    return told


async def tell(title: str, sentences: Sequence[str]) -> None:
    """Tell something after it was done, and wait until it is read."""
    with ui.dialog() as dialog, ui.card().classes("ask"):
        dialog.props["aria-label"] = title
        dialog.on("hide", dialog.delete)
        ui.label(title).classes("ask-title")
        for sentence in sentences:
            ui.label(sentence)
        with ui.row().classes("ask-actions"):
            ui.button("OK", on_click=lambda: dialog.submit(True)).props("no-caps unelevated autofocus")
    await dialog


async def confirm(question: str, what_happens: str, action: str, *, grave: bool = False) -> bool:
    """Ask before something is done.

    Args:
        what_happens: names what goes and what stays.
        action: the word on the button that does it.
        grave: it cannot be undone.
    """
    with ui.dialog() as dialog, ui.card().classes("ask"):
        dialog.props["aria-label"] = question
        dialog.on("hide", dialog.delete)  # only then: hiding gives the focus back to where it was
        ui.label(question).classes("ask-title")
        ui.label(what_happens)
        with ui.row().classes("ask-actions"):
            ui.button("Cancel", on_click=lambda: dialog.submit(False)).props("flat no-caps autofocus")
            ui.button(
                action, on_click=lambda: dialog.submit(True), color="negative" if grave else "primary"
            ).props("no-caps unelevated")
    return bool(await dialog)
