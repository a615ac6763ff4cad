"""A state as a coloured dot and its word."""

from __future__ import annotations

from nicegui import ui


class State:
    """Shows one state; never by colour alone."""

    def __init__(self, word: str = "", tone: str = "soft") -> None:
        self._tone = ""
        with ui.element("span").classes("state"):
            self._dot = ui.element("span").classes("dot").props('aria-hidden="true"')
            self._word = ui.label().classes("state-word")
        self.show(word, tone)

    def show(self, word: str, tone: str) -> None:
        """Show a state and how it is coloured."""
        if self._word.text != word:
            self._word.text = word
        if self._tone != tone:
            self._tone = tone
            self._dot.classes(replace=f"dot {tone}")
