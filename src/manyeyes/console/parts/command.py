"""A command to be run on another machine, with a button that copies it."""

from __future__ import annotations

from nicegui.element import Element


class Command(Element, component="command.js"):
    """Shows a command.

    Args:
        name: what it is, for those who do not see it.
    """

    def __init__(self, text: str, name: str) -> None:
        super().__init__()
        self._props.update(text=text, name=name)

    def show(self, text: str) -> None:
        """Show another command."""
        if self._props["text"] != text:
            self._props["text"] = text
            self.update()
