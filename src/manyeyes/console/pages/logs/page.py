"""The page of the logs: the tail, or one picture's trace where its address names a trace."""

from __future__ import annotations

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from manyeyes.console.address import asked, link, use_style
from manyeyes.console.pages.logs import tail, trace
from manyeyes.console.visitor import Visitor


async def build(visitor: Visitor) -> None:
    """Fill the page; raises NotAllowed where the visitor may not read the logs of all machines."""
    use_style("fleet.css")
    use_style("logs.css")
    trace_id = asked("trace").strip().lower()
    _find_by_trace(trace_id)
    if trace_id:
        await trace.build(visitor, trace_id)
    else:
        await tail.build(visitor)


def _find_by_trace(trace_id: str) -> None:
    """A form that leads to a picture's trace; it works in the browser alone."""
    with ui.element("form").props(f'method="get" action="{link("/logs")}" role="search"').classes("find"):
        TextElement(tag="label", text="Trace id of a picture").props('for="trace"')
        field = ui.element("input").props('id="trace" name="trace" type="text" spellcheck="false" required')
        field.props('autocomplete="off" placeholder="32 characters, shown with every result"')
        field.props["defaultValue"] = (
            trace_id  # a set `value` would undo what is being typed, at every update
        )
        TextElement(tag="button", text="Show its trace").props('type="submit"').classes("plain")
