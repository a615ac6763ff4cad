"""Everybody enrolled: a grid to search, somebody new, and what is worth a look."""

from __future__ import annotations

import time

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
from manyeyes.console.wording import several
from manyeyes.results import Caution

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


class _Everybody:
    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._base = address.base()
        self._is_drawn = False
        self._crowd = facts.Crowd([])
        self._page = 1
        self._checked_at_s = -_CHECK_EVERY_S
        self._to_check = True
        self._enrolment = FaceEnrolment(to="", known=0).on("named", self._named).on("changed", self._changed)
        with ui.row().classes("bar"):
            self._search = ui.input("Search people", on_change=self._searched)
            self._search.props('outlined dense clearable debounce=200 type="search"').classes("search")
            self._add = ui.button("Add a person", icon="person_add", on_click=self._enrolment.start)
            self._add.props("no-caps unelevated")
            with ui.element("a").props(f'href="{self._base}/people/unknown"').classes("link"):
                self._unknown = ui.label("Unknown faces")
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
        with ui.row().classes("bar turn") as self._turning:
            self._back = ui.button("Previous", on_click=lambda: self._turn(-1)).props("no-caps outline")
            self._where = ui.label()
            self._on = ui.button("Next", on_click=lambda: self._turn(1)).props("no-caps outline")
        self._findings = ui.expansion(icon="fact_check").classes("findings")
        self._findings.set_visibility(False)

    def show(self, people: list[Person]) -> None:
        """Show these people, unless nothing has changed."""
        if self._is_drawn and facts.photo_counts(people) == self._crowd.photos_of:
            return
        self._crowd = facts.Crowd(people)
        self._to_check = True
        self._draw()

    async def refresh(self) -> None:
        """Show how things are now."""
        self.show(await self._visitor.client.people())
        retention = await self._visitor.client.faces.retention()
        self._unknown.text = f"Unknown faces ({retention.kept:,})" if retention.on else "Unknown faces"
        now_s = time.monotonic()
        if self._to_check and now_s - self._checked_at_s >= _CHECK_EVERY_S:
            self._checked_at_s = now_s
            self._show_findings(await self._visitor.client.check_people() if len(self._crowd) else [])
            self._to_check = False

    def _draw(self) -> None:
        self._is_drawn = True
        view = self._crowd.view(self._search.value or "", self._page)
        self._page = view.page
        self._grid.show(people=facts.cards(view, self._base))
        everybody = len(self._crowd)
        self._empty.set_visibility(not everybody)
        self._search.set_visibility(bool(everybody))
        self._add.set_visibility(bool(everybody))
        said = several(everybody, "person", "people")
        if view.found != everybody:
            said = f"{view.found:,} of {said}" if view.found else "No name contains this."
        self._said.text = said if everybody else ""
        self._turning.set_visibility(view.pages > 1)
        self._where.text = f"Page {view.page} of {view.pages}"
        self._back.set_enabled(view.page > 1)
        self._on.set_enabled(view.page < view.pages)

    def _searched(self) -> None:
        self._page = 1
        self._draw()

    def _turn(self, by: int) -> None:
        self._page += by
        self._draw()
        ui.run_javascript("document.getElementById('content').scrollIntoView()")

    def _named(self, event: GenericEventArguments) -> None:
        name = str(event.args).strip()
        self._enrolment.show(known=self._crowd.photos_of.get(name, 0))

    async def _changed(self, _: GenericEventArguments) -> None:
        await reporting(self.refresh)()

    def _show_findings(self, findings: list[Caution]) -> None:
        self._findings.set_visibility(bool(findings))
        self._findings.text = f"Worth a look: {len(findings):,}"
        self._findings.clear()
        with self._findings, ui.element("ul").classes("finding-list"):
            for finding in findings[:_MOST_FINDINGS]:
                with ui.element("li").classes("finding"):
                    ui.label(facts.sentence(finding.sentence))
                    for name, address in facts.whom_to_open(finding, self._base):
                        link(name, address)
            if len(findings) > _MOST_FINDINGS:
                with ui.element("li").classes("finding"):
                    ui.label(f"{len(findings) - _MOST_FINDINGS:,} more: 'manyeyes people check' prints all.")
