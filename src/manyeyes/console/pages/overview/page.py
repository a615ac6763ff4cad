"""The first page: what runs now."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from manyeyes.console.address import link, use_style
from manyeyes.console.live import keep
from manyeyes.console.pages.nodes.words import tone
from manyeyes.console.pages.overview.alerts import AlertList
from manyeyes.console.pages.overview.figures import HINTS, Figure, figures
from manyeyes.console.pages.overview.last_hour import LastHour
from manyeyes.console.pages.overview.pictures import Pictures
from manyeyes.console.pages.overview.steps import FirstSteps, Progress
from manyeyes.console.pages.overview.videos import VideosCard
from manyeyes.console.parts.state import State
from manyeyes.console.visitor import Visitor
from manyeyes.console.wording import count
from manyeyes.errors import ManyeyesError

_EVERY_S = 2.0
_PICTURES_EVERY_S = 3.0
_HISTORY_EVERY_S = 10.0


async def build(visitor: Visitor) -> None:
    """Fill the page."""
    use_style("fleet.css")
    use_style("recognise.css")
    page = _Overview(visitor)
    with suppress(ManyeyesError):  # the page says it when it asks again at once
        await page.refresh()


class _Overview:
    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._sees_all = visitor.may("operator")
        self._has_pictures = False
        self._states: dict[str, ui.label] = {}
        self._figures: dict[str, tuple[TextElement, TextElement]] = {}
        self._steps = FirstSteps(visitor)
        self._alerts = AlertList()
        self._list = ui.element("dl").classes("figures").props('aria-label="What runs now"')
        with ui.element("div").classes("thirds"):
            if self._sees_all:
                self._hour = LastHour()
            with ui.element("section").classes("card").props('aria-label="Nodes by state"'):
                TextElement(tag="h2", text="Nodes").classes("card-title")
                with ui.element("div").props('role="status"'):
                    self._nodes = ui.element("ul").classes("states")
        with ui.element("section").classes("card wide").props('aria-label="Latest pictures"'):
            TextElement(tag="h2", text="Latest pictures").classes("card-title")
            self._pictures = Pictures(may_enrol=self._sees_all)
        self._videos = VideosCard()
        keep(visitor, self.refresh, every_s=_EVERY_S, kinds=("nodes", "alerts", "people"))
        keep(visitor, self._show_pictures, every_s=_PICTURES_EVERY_S)
        if self._sees_all:
            keep(visitor, self._show_history, every_s=_HISTORY_EVERY_S)

    async def refresh(self) -> None:
        """Show how it is now."""
        overview = await self._visitor.client.overview()
        with self._list:
            for name, figure in figures(overview).items():
                self._figure(name, figure)
        self._show_nodes(overview.nodes)
        if overview.tasks["done"]:
            self._has_pictures = True
        elif self._sees_all and not self._has_pictures:
            busiest = await self._visitor.client.find_nodes(sort="done", descending=True, limit=1)
            self._has_pictures = any(node.done for node in busiest.nodes)
        progress = Progress(
            has_people=overview.people > 0 or not self._sees_all,
            has_pictures=self._has_pictures,
            has_machines=sum(overview.nodes.values()) > 1,
        )
        self._steps.show(progress)
        found = [one for one in overview.alerts or () if not (progress.is_new and one.kind == "no-people")]
        self._alerts.show(found, datetime.now(UTC))

    def _figure(self, name: str, figure: Figure) -> None:
        if name not in self._figures:
            with ui.element("div").props(f'title="{HINTS[name]}"'):
                with ui.element("dt"):
                    ui.label(name)
                    note = TextElement(tag="div", text="").classes("figures-note")
                self._figures[name] = TextElement(tag="dd", text=""), note
        for held, text in zip(self._figures[name], (figure.value, figure.note), strict=True):
            if held.text != text:
                held.text = text

    def _show_nodes(self, states: dict[str, int]) -> None:
        shown = dict(sorted(states.items()))
        if list(shown) != list(self._states):
            self._nodes.clear()
            with self._nodes:
                self._states = {state: self._state(state) for state in shown}
                if not shown:
                    TextElement(tag="li", text="No node has joined yet.").classes("soft")
        for state, number in shown.items():
            if self._states[state].text != count(number):
                self._states[state].text = count(number)

    def _state(self, state: str) -> ui.label:
        with ui.element("li"):
            if self._sees_all:
                with ui.element("a").props(f'href="{link("/nodes", state=state)}"'):
                    State(state, tone(state))
            else:
                State(state, tone(state))
            return ui.label().classes("states-count")

    async def _show_pictures(self) -> None:
        latest = await self._visitor.client.recent.latest()
        self._pictures.show(latest, datetime.now(UTC))
        videos = await self._visitor.client.recent.videos()
        self._videos.show(videos, datetime.now(UTC))

    async def _show_history(self) -> None:
        self._hour.show(await self._visitor.client.history())
