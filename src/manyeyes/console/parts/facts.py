"""A list of names and what each is."""

from __future__ import annotations

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement


class FactList:
    """A titled list; what changes is changed in its place."""

    def __init__(self, title: str) -> None:
        with ui.element("section").classes("card").props(f'aria-label="{title}"'):
            TextElement(tag="h2", text=title).classes("card-title")
            self._list = ui.element("dl").classes("facts")
        self._values: dict[str, TextElement] = {}

    def show(self, facts: dict[str, str]) -> None:
        """Show these; the names are always the same ones."""
        with self._list:
            for name, value in facts.items():
                held = self._values.get(name)
                if held is None:
                    TextElement(tag="dt", text=name)
                    self._values[name] = TextElement(tag="dd", text=value)
                elif held.text != value:
                    held.text = value
