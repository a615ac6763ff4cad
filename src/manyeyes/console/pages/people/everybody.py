"""Everybody enrolled: a grid to search, somebody new, and what is worth a look."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from nicegui import ui
from nicegui.events import GenericEventArguments

from manyeyes.api.people import Person
from manyeyes.console import address
from manyeyes.console.address import use_style
from manyeyes.console.dialogs import reporting
from manyeyes.console.live import keep
from manyeyes.console.pages.people import facts
from manyeyes.console.pages.people.elements import (
    FaceEnrolment,
    FaceGrid,
    heading,
    link,
)
from manyeyes.console.visitor import Visitor
from manyeyes.person_names import name_key
from manyeyes.results import Caution
from manyeyes.wording import several

_EVERY_S = 15.0
_CHECK_EVERY_S = 30.0
_MOST_FINDINGS = 40


async def build(visitor: Visitor) -> None:
    """Fill the page; raises NotAllowed for those who may not see it."""
    people = await visitor.client.people()
    use_style("people.css")
    page = _Everybody(visitor)
    page.show(people)
    keep(visitor, page.refresh, every_s=_EVERY_S, kinds={"people", "faces"})


class _Toolbar:
    """What stands above the grid: search, somebody new, and the way to unknown faces."""

    def __init__(self, base: str, searched: Callable[[], None], start: Callable[[], object]) -> None:
        with ui.row().classes("bar"):
            self._search = ui.input("Search people", on_change=searched)
            self._search.props('outlined dense clearable debounce=200 type="search"').classes("search")
            self._add = ui.button("Add a person", icon="person_add", on_click=start)
            self._add.props("no-caps unelevated")
            with ui.element("a").props(f'href="{base}/people/unknown"').classes("link"):
                self._unknown = ui.label("Unknown faces")

    @property
    def search(self) -> str:
        """What is searched for; empty for everybody."""
        return self._search.value or ""

    def show(self, anybody: bool) -> None:
        """Show what makes sense: nobody is searched for where nobody is enrolled."""
        self._search.set_visibility(anybody)
        self._add.set_visibility(anybody)

    def show_unknown(self, kept: int | None) -> None:
        """Show how many unknown faces are kept; None: they are not kept."""
        self._unknown.text = "Unknown faces" if kept is None else f"Unknown faces ({kept:,})"


class _Pages:
    """Which page of the grid is shown, and the buttons to the next."""

    def __init__(self, turn: Callable[[int], None]) -> None:
        with ui.row().classes("bar turn") as self._row:
            self._back = ui.button("Previous", on_click=lambda: turn(-1)).props("no-caps outline")
            self._where = ui.label()
            self._on = ui.button("Next", on_click=lambda: turn(1)).props("no-caps outline")

    def show(self, page: int, pages: int) -> None:
        """Show page `page` of `pages`, counted from 1; nothing where there is one only."""
        self._row.set_visibility(pages > 1)
        self._where.text = f"Page {page} of {pages}"
        self._back.set_enabled(page > 1)
        self._on.set_enabled(page < pages)


class _Findings:
    """What is worth a look, asked for again when people changed, and not too often."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._checked_at_s = -_CHECK_EVERY_S
        self.outdated = True
        self._list = ui.expansion(icon="fact_check").classes("findings")
        self._list.set_visibility(False)

    async def refresh(self, check: Callable[[], Awaitable[list[Caution]]]) -> None:
        """Ask again where something changed and the last time is long enough ago."""
        now_s = time.monotonic()
        if self.outdated and now_s - self._checked_at_s >= _CHECK_EVERY_S:
            self._checked_at_s = now_s
            self._show(await check())
            self.outdated = False

    def _show(self, findings: list[Caution]) -> None:
        self._list.set_visibility(bool(findings))
        self._list.text = f"Worth a look: {len(findings):,}"
        self._list.clear()
        with self._list, ui.element("ul").classes("finding-list"):
            for finding in findings[:_MOST_FINDINGS]:
                with ui.element("li").classes("finding"):
                    ui.label(facts.sentence(finding.sentence))
                    for name, address in facts.whom_to_open(finding, self._base):
                        link(name, address)
            if len(findings) > _MOST_FINDINGS:
                with ui.element("li").classes("finding"):
                    ui.label(f"{len(findings) - _MOST_FINDINGS:,} more: 'manyeyes people check' prints all.")


class _Everybody:
    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._base = address.base()
        self._is_drawn = False
        self._crowd = facts.Crowd([])
        self._page = 1
        self._enrolment = FaceEnrolment(to="", known=0).on("named", self._named).on("changed", self._changed)
        self._toolbar = _Toolbar(self._base, self._searched, self._enrolment.start)
        self._said = ui.label().props('role="status"').classes("soft")
        self._empty = ui.element("div").classes("empty")
        with self._empty:
            ui.icon("groups").props('aria-hidden="true"')
            heading("Nobody is known yet")
            ui.label(
                "Add a person with two to five photos, and their face gets its name in every picture from then on. "
                "Drop photos anywhere on this page, paste them, or press the button."
            )
            ui.button("Add the first person", icon="person_add", on_click=self._enrolment.start).props(
                "no-caps unelevated"
            )
        self._grid = FaceGrid(people=[])
        self._pages = _Pages(self._turn)
        self._findings = _Findings(self._base)

    def show(self, people: list[Person]) -> None:
        """Show these people, unless nothing has changed."""
        if self._is_drawn and facts.photo_counts(people) == self._crowd.photos_of:
            return
        self._crowd = facts.Crowd(people)
        self._findings.outdated = True
        self._draw()

    async def refresh(self) -> None:
        """Show how things are now."""
        self.show(await self._visitor.client.people())
        retention = await self._visitor.client.faces.retention()
        self._toolbar.show_unknown(retention.kept if retention.on else None)
        await self._findings.refresh(self._check)

    async def _check(self) -> list[Caution]:
        return await self._visitor.client.check_people() if len(self._crowd) else []

    def _draw(self) -> None:
        self._is_drawn = True
        view = self._crowd.view(self._toolbar.search, self._page)
        self._page = view.page
        self._grid.show(people=facts.cards(view, self._base, address.api()))
        everybody = len(self._crowd)
        self._empty.set_visibility(not everybody)
        self._toolbar.show(bool(everybody))
        said = several(everybody, "person", "people")
        if view.found != everybody:
            said = f"{view.found:,} of {said}" if view.found else "No name contains this."
        self._said.text = said if everybody else ""
        self._pages.show(view.page, view.pages)

    def _searched(self) -> None:
        self._page = 1
        self._draw()

    def _turn(self, by: int) -> None:
        self._page += by
        self._draw()
        ui.run_javascript("document.getElementById('content').scrollIntoView()")

    def _named(self, event: GenericEventArguments) -> None:
        self._enrolment.show(known=self._crowd.photos_by_name_key.get(name_key(str(event.args)), 0))

    async def _changed(self, _: GenericEventArguments) -> None:
        await reporting(self.refresh)()
