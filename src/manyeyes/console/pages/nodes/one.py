"""The page of one node."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from manyeyes.api.nodes import Node
from manyeyes.console.address import link, use_style
from manyeyes.console.live import keep
from manyeyes.console.pages.nodes import facts
from manyeyes.console.pages.nodes.acting import carry_out
from manyeyes.console.pages.nodes.words import Offer, offers, tone
from manyeyes.console.parts.chart import charted
from manyeyes.console.parts.facts import FactList
from manyeyes.console.parts.small_table import SmallTable
from manyeyes.console.parts.state import State
from manyeyes.console.visitor import Visitor
from manyeyes.errors import ManyeyesError, NodeNotFound

_EVERY_S = 2.0
_HISTORY_EVERY_S = 10.0
_LOG_EVERY_S = 5.0
_LOG_LINES = 12


async def build(visitor: Visitor, name: str) -> None:
    """Fill the page."""
    use_style("fleet.css")
    page = _Node(visitor, name)
    with suppress(ManyeyesError):  # the page says it when it asks again at once
        await page.refresh()


class _Cards:
    """What is known of a node, one card for each topic."""

    def __init__(self, name: str) -> None:
        with ui.element("div").classes("thirds"):
            self.rate = charted("The last hour", "Pictures done", "pictures/s")
            self.cpu = charted("Its processor", "CPU of the machine", "%", top=100)
            self.memory = charted("Its memory", "Memory", "%", top=100)
        with ui.element("div").classes("halves"):
            self._work = FactList("Work")
            self._machine = FactList("Machine")
            self._membership = FactList("Membership")
            with ui.element("section").classes("card").props('aria-label="Workers"'):
                TextElement(tag="h2", text="Workers").classes("card-title")
                self._workers = SmallTable(
                    "Workers",
                    ("Worker", "State", "Busy for", "Started again", "Process"),
                    figures=(2, 3, 4),
                    empty="It has no workers now.",
                )
            with ui.element("section").classes("card wide").props('aria-label="Log"'):
                TextElement(tag="h2", text="Its last log lines").classes("card-title")
                self.log = SmallTable(
                    "Its last log lines",
                    ("Time (UTC)", "Level", "Line"),
                    figures=(),
                    line=2,
                    empty="There are none yet.",
                )
                with ui.element("a").props(f'href="{link("/logs", machine=name)}"').classes("more"):
                    ui.label("All its lines")

    def show(self, node: Node, now: datetime) -> None:
        """Show a node as it is now; rate and log come by themselves."""
        self._work.show(facts.work(node, now))
        self._machine.show(facts.machine(node))
        self._membership.show(facts.membership(node, now))
        self._workers.show([facts.worker(found) for found in node.workers_detail])


class _Node:
    def __init__(self, visitor: Visitor, name: str) -> None:
        self._visitor, self._name = visitor, name
        self._offered: list[Offer] = []
        with ui.element("a").props(f'href="{link("/nodes")}"').classes("back"):
            ui.icon("arrow_back").props('aria-hidden="true"')
            ui.label("All nodes")
        self._gone = ui.element("div").classes("problem").props('role="alert"')
        with self._gone:
            self._why_gone = ui.label()
        self._gone.set_visibility(False)
        self._all = ui.element("div")
        with self._all:
            with ui.element("div").classes("node-state").props('role="status"'):
                self._state = State()
                self._reason = ui.label().classes("soft")
            self._buttons = (
                ui.row().classes("acts").props('role="group" aria-label="What can be done with it"')
            )
            self._cards = _Cards(name)
        keep(visitor, self.refresh, every_s=_EVERY_S, kinds=("nodes",))
        keep(visitor, self._show_history, every_s=_HISTORY_EVERY_S)
        keep(visitor, self._show_log, every_s=_LOG_EVERY_S)

    async def refresh(self) -> None:
        """Show the node as it is now."""
        try:
            node = await self._visitor.client.node(self._name)
        except NodeNotFound as error:
            self._why_gone.text = error.detail
            self._gone.set_visibility(True)
            self._all.set_visibility(False)
            return
        self._gone.set_visibility(False)
        self._all.set_visibility(True)
        self._show(node)

    async def _show_history(self) -> None:
        with suppress(NodeNotFound):  # the page says so already
            past = await self._visitor.client.node_history(self._name)
            span = past.bucket_s, past.ends_at
            self._cards.rate.show(past.done_per_s, *span)
            self._cards.cpu.show(past.cpu_share, *span, scale=100)
            self._cards.memory.show(past.memory_share, *span, scale=100)

    async def _show_log(self) -> None:
        page = await self._visitor.client.logs.list(machine=self._name, limit=_LOG_LINES)
        self._cards.log.show([facts.log_line(line) for line in reversed(page.lines)])

    def _show(self, node: Node) -> None:
        now = datetime.now(UTC)
        self._state.show(node.state, tone(node.state))
        if self._reason.text != (node.reason or ""):
            self._reason.text = node.reason or ""
        self._offer(offers(node))
        self._cards.show(node, now)

    def _offer(self, offered: list[Offer]) -> None:
        if offered == self._offered:
            return
        self._offered = offered
        self._buttons.clear()
        with self._buttons:
            for offer in offered:
                ui.button(offer.label, icon=offer.icon, on_click=lambda offer=offer: self._act(offer)).props(
                    "outline no-caps" + (" color=negative" if offer.grave else "")
                ).classes("act")

    async def _act(self, offer: Offer) -> None:
        await carry_out(self._visitor, self._name, offer, self.refresh)
