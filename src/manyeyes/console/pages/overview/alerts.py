"""The alerts, each with the page where it can be fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from manyeyes.api.overview import Alert
from manyeyes.console.address import link
from manyeyes.console.parts.state import State
from manyeyes.console.wording import ago, exact

_SEVERITIES = {"critical": ("Critical", "bad"), "warning": ("Warning", "warn"), "info": ("Note", "soft")}
_PLACES = {
    "no-people": ("People", "/people", {}),
    "no-node": ("Nodes", "/nodes", {}),
    "engine": ("The master's log", "/logs", {"machine": "master"}),
    "disk-full": ("The master's log", "/logs", {"machine": "master"}),
    "disk-low": ("The master's log", "/logs", {"machine": "master"}),
}
_ALL_NODES = ("Nodes", "/nodes", {"sort": "state"})


@dataclass(frozen=True)
class Place:
    """A page where something can be fixed."""

    label: str
    path: str
    query: dict[str, str]


def place(found: Alert) -> Place:
    """Where it can be fixed: its node's page, or the page that belongs to its kind."""
    if found.node:
        return Place(f"Node {found.node}", f"/nodes/{found.node}", {})
    return Place(*_PLACES.get(found.kind, _ALL_NODES))


class AlertList:
    """The list; made anew only where it changed."""

    def __init__(self) -> None:
        with (
            ui.element("section").classes("card wide").props('aria-label="What needs a person"') as self._card
        ):
            TextElement(tag="h2", text="What needs a person").classes("card-title")
            with ui.element("div").props('role="status"'):
                self._list = ui.element("ul").classes("alerts")
        self._card.set_visibility(False)
        self._shown: list[tuple[str, str, str, str, str]] = []

    def show(self, found: Sequence[Alert], now: datetime) -> None:
        """Show these, in this order; nothing at all where there are none."""
        shown = [(one.kind, one.node, one.sentence, one.what_to_do, ago(one.since, now)) for one in found]
        if shown == self._shown:
            return
        self._shown = shown
        self._card.set_visibility(bool(found))
        self._list.clear()
        with self._list:
            for one in found:
                self._entry(one, now)

    def _entry(self, one: Alert, now: datetime) -> None:
        to = place(one)
        with ui.element("li"):
            State(*_SEVERITIES[one.severity])
            with ui.element("div"):
                ui.label(one.sentence).classes("alerts-what")
                ui.label(one.what_to_do).classes("soft")
                with ui.element("div").classes("alerts-more"):
                    address = link(to.path, **to.query)
                    with ui.element("a").props(f'href="{address}"').classes("more"):
                        ui.label(to.label)
                    ui.label(f"noticed {ago(one.since, now)}").classes("soft").props(
                        f'title="{exact(one.since)}"'
                    )
