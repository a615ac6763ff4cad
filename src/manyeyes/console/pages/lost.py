"""An address without a page: what was asked for, and a way back."""

from __future__ import annotations

from nicegui import ui

from manyeyes.console.address import link
from manyeyes.console.visitor import Visitor


async def build(visitor: Visitor, path: str) -> None:
    """Fill the page."""
    ui.context.client.status_code = 404
    with ui.element("a").props(f'href="{link("/")}"').classes("back"):
        ui.icon("arrow_back").props('aria-hidden="true"')
        ui.label("Overview")
    with ui.element("div").classes("problem").props('role="alert"'):
        ui.icon("error").props('aria-hidden="true"')
        with ui.element("div"):
            ui.label(f"The console has no page /{path}").classes("problem-title")
            ui.label("The address is mistyped, or the page is of another version. The menu has all pages.")
