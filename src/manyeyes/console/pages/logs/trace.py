"""The trace of a picture: gateway, queue, node, worker, stages, result."""

from __future__ import annotations

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from manyeyes.api.logs import Trace
from manyeyes.console.address import link
from manyeyes.console.dialogs import say_error
from manyeyes.console.pages.logs import words
from manyeyes.console.parts.command import Command
from manyeyes.console.parts.facts import FactList
from manyeyes.console.parts.log_rows import LogRows
from manyeyes.console.visitor import Visitor
from manyeyes.errors import ManyeyesError, TraceNotFound

_EVERY_S = 2.0
_LOOKS = 5
"""Lines come a second or two after their event: how often to look again for missing ones."""
_MOST_BARS = 400


class Waterfall(Element, component="waterfall.js"):
    """`words.bars` of a picture."""

    def __init__(self, caption: str, bars: list[words.Row]) -> None:
        super().__init__()
        self._props.update(caption=caption, bars=bars)


async def build(visitor: Visitor, trace_id: str) -> None:
    """Fill the page with the trace of a picture; says so if there is none."""
    page = _Way(visitor, trace_id)
    await page.look()


class _Way:
    def __init__(self, visitor: Visitor, trace_id: str) -> None:
        self._visitor, self._trace_id = visitor, trace_id
        self._looks = 0
        if visitor.may("operator"):
            with ui.element("a").props(f'href="{link("/logs")}"').classes("back"):
                ui.icon("arrow_back").props('aria-hidden="true"')
                ui.label("All lines")
        self._said = ui.label().props('role="status"').classes("soft")
        self._space = ui.element("div")
        self._again = ui.timer(_EVERY_S, self.look, immediate=False)

    async def look(self) -> None:
        """Show what is known now; look again while the picture is being worked on, and a few times if it is unknown."""
        self._looks += 1
        try:
            trace = await self._visitor.client.logs.trace(self._trace_id)
        except TraceNotFound as error:
            self._wait(error)
        except ManyeyesError as error:
            self._end("")
            self._show_error(error)
        else:
            self._show(trace)
            if words.finished(trace):
                self._end("")
            elif self._looks >= _LOOKS:
                self._end(
                    "The picture is still being worked on, or its last log line is gone; load the page again."
                )
            else:
                self._said.text = "The picture is still being worked on."

    def _wait(self, error: TraceNotFound) -> None:
        if self._looks >= _LOOKS:
            self._end("")
        else:
            self._said.text = "Looking for it: log lines arrive within a second or two."
        if self._looks == 1:
            self._show_error(error)

    def _end(self, said: str) -> None:
        self._said.text = said
        self._again.cancel()

    def _show_error(self, error: ManyeyesError) -> None:
        self._space.clear()
        with self._space:
            say_error(error)
            if isinstance(error, TraceNotFound):
                ui.label(
                    "Possible reasons: the id is mistyped or cut short; the picture is older than the logs reach back, "
                    "or there were so many lines since that its own were deleted; it was sent to another master"
                    + (
                        "."
                        if self._visitor.may("operator")
                        else "; or it was sent with another key than yours: "
                        "with the role user you see your own pictures only."
                    )
                ).classes("soft")

    def _show(self, trace: Trace) -> None:
        self._space.clear()
        with self._space:
            TextElement(tag="h2", text="Trace of a picture").classes("trace-title")
            with ui.element("div").classes("trace-head"):
                FactList("Facts").show(words.sums(trace))
                with ui.element("section").classes("card").props('aria-label="In the terminal"'):
                    TextElement(tag="h2", text="In the terminal").classes("card-title")
                    Command(f"manyeyes logs --trace {trace.trace_id}", "Command that shows the same trace")
            with ui.element("section").classes("card").props('aria-label="Where the time went"'):
                TextElement(tag="h2", text="Where the time went").classes("card-title")
                Waterfall("Where the time went", words.bars(trace.spans[:_MOST_BARS]))
                if len(trace.spans) > _MOST_BARS:
                    ui.label(f"{len(trace.spans) - _MOST_BARS:,} more parts are not drawn.").classes("soft")
            with ui.element("section").classes("card").props('aria-label="Lines"'):
                TextElement(tag="h2", text="Lines").classes("card-title")
                LogRows(
                    "Lines of this picture, the newest first",
                    traces="",
                    empty="There are no lines.",
                    rows=[words.row(line) for line in trace.lines],
                )
