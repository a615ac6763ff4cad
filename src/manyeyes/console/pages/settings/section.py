"""A titled part of the page, which may be refused without the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from manyeyes.errors import NotAllowed


@contextmanager
def section(title: str, hint: str = "") -> Iterator[ui.element]:
    """A card of its own; where the gateway refuses what is shown in it, it says so in the gateway's words."""
    with ui.element("section").classes("card wide").props(f'aria-label="{title}"') as card:
        TextElement(tag="h2", text=title).classes("card-title")
        if hint:
            ui.label(hint).classes("soft hint")
        try:
            yield card
        except NotAllowed as error:
            with ui.element("div").classes("refused").props('role="note"'):
                ui.icon("lock").props('aria-hidden="true"')
                ui.label(error.detail)
