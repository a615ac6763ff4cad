"""The table of all nodes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast, get_args

from nicegui import ui

from manyeyes.api.nodes import NodePage, NodeSort
from manyeyes.console.address import asked, link, use_style
from manyeyes.console.live import keep
from manyeyes.console.pages.nodes.acting import carry_out
from manyeyes.console.pages.nodes.joining import offer_join
from manyeyes.console.pages.nodes.rows import COLUMNS, row
from manyeyes.console.pages.nodes.words import offers, tone
from manyeyes.console.parts.live_table import LiveTable
from manyeyes.console.visitor import Visitor
from manyeyes.console.wording import count
from manyeyes.errors import ManyeyesError
from manyeyes.wording import several

PAGE = 50
"""Rows on a page of the table."""
_EVERY_S = 5.0
"""A changed state is seen at once, by a notice; this is for counts."""


@dataclass(frozen=True)
class View:
    """What of the nodes is looked at; the page's address says it too, so that a reload shows the same."""

    search: str = ""
    state: str = ""
    sort: NodeSort = "name"
    descending: bool = False
    offset: int = 0

    @classmethod
    def of_address(cls) -> View:
        """What the page's address asks for; what it asks for wrongly is left out."""
        sort = asked("sort").removeprefix("-")
        known = sort in get_args(NodeSort)
        first = asked("first")
        return cls(
            asked("search")[:200],
            asked("state")[:50],
            cast(NodeSort, sort) if known else "name",
            known and asked("sort").startswith("-"),
            int(first) // PAGE * PAGE if first.isascii() and first.isdigit() and len(first) < 9 else 0,
        )

    @property
    def address(self) -> str:
        """Of the page that shows this."""
        order = ("-" if self.descending else "") + self.sort
        return link(
            "/nodes",
            search=self.search,
            state=self.state,
            sort="" if order == "name" else order,
            first=str(self.offset or ""),
        )


async def build(visitor: Visitor) -> None:
    """Fill the page."""
    use_style("fleet.css")
    page = _Nodes(visitor)
    with suppress(ManyeyesError):  # the page says it when it asks again at once
        await page.refresh()


class _Nodes:
    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._view = View.of_address()
        self._filters: dict[str, tuple[ui.element, ui.label]] = {}
        with ui.row().classes("tools"):
            self._search = (
                ui.input("Search name, host, pack, reason", value=self._view.search, on_change=self._searched)
                .props("outlined dense clearable debounce=250 type=search")
                .classes("tools-search")
            )
            ui.space()
            offer_join(visitor)
        self._bar = ui.element("div").classes("filters").props('role="group" aria-label="Filter by state"')
        self._said = ui.label().props('role="status"').classes("soft tools-said")
        self._table = LiveTable(
            "Nodes", COLUMNS, limit=PAGE, sorting=self._sorted, turning=self._turned, acting=self._approve
        )
        keep(visitor, self.refresh, every_s=_EVERY_S, kinds=("nodes",))

    async def refresh(self) -> None:
        """Show the nodes as they are now."""
        view = self._view
        page = await self._page(view)
        last = max(0, (page.found - 1) // PAGE * PAGE)
        if view.offset > last and view == self._view:  # those that stood there are gone
            self._view = view = replace(view, offset=last)
            page = await self._page(view)
        if view != self._view:
            return  # another one was asked for meanwhile, and shows itself
        now = datetime.now(UTC)
        self._table.show(
            [row(node, lambda name: link(f"/nodes/{name}"), now) for node in page.nodes],
            found=page.found,
            offset=view.offset,
            sort=view.sort,
            descending=view.descending,
            empty="No nodes match."
            if view.search or view.state
            else "No node has joined yet. 'Add a machine' shows how.",
        )
        said = _summary(page, view)
        if self._said.text != said:
            self._said.text = said
        self._show_states(page.states)

    async def _page(self, view: View) -> NodePage:
        return await self._visitor.client.find_nodes(
            view.search,
            state=view.state,
            sort=view.sort,
            descending=view.descending,
            offset=view.offset,
            limit=PAGE,
        )

    def _show_states(self, states: dict[str, int]) -> None:
        chosen = {self._view.state: 0} if self._view.state else {}
        shown = {"": sum(states.values()), **dict(sorted({**chosen, **states}.items()))}
        if list(shown) != list(self._filters):
            self._bar.clear()
            with self._bar:
                self._filters = {state: self._filter(state) for state in shown}
        for state, (button, number) in self._filters.items():
            if number.text != count(shown[state]):
                number.text = count(shown[state])
            pressed = str(state == self._view.state).lower()
            if button.props.get("aria-pressed") != pressed:
                button.props(f'aria-pressed="{pressed}"')

    def _filter(self, state: str) -> tuple[ui.element, ui.label]:
        button = ui.element("button").classes("filter").props('type="button"')
        button.on("click", lambda: self._look(replace(self._view, state=state, offset=0)))
        with button:
            if state:
                ui.element("span").classes(f"dot {tone(state)}").props('aria-hidden="true"')
            ui.label(state or "all")
            return button, ui.label().classes("filter-count")

    async def _look(self, view: View) -> None:
        self._view = view
        ui.navigate.history.replace(view.address)
        await self.refresh()

    async def _searched(self) -> None:
        await self._look(replace(self._view, search=(self._search.value or "").strip()[:200], offset=0))

    async def _sorted(self, name: str, descending: bool) -> None:
        if name in get_args(NodeSort):
            await self._look(replace(self._view, sort=cast(NodeSort, name), descending=descending, offset=0))

    async def _turned(self, offset: int) -> None:
        await self._look(replace(self._view, offset=max(0, offset)))

    async def _approve(self, name: str) -> None:
        node = await self._visitor.client.node(name)
        for offer in offers(node):
            if offer.act == "approve":
                await carry_out(self._visitor, name, offer, self.refresh)


def _summary(page: NodePage, view: View) -> str:
    """How many there are and how many are shown."""
    total = sum(page.states.values())
    if view.state:
        return f"{count(page.found)} of {several(total, 'node')}, {view.state}"
    return several(total, "node") + (" found" if view.search else "")
