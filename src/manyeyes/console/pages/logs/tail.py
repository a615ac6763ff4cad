"""The live tail over all machines."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

from nicegui import background_tasks, ui

from manyeyes.api.logs import LogPage
from manyeyes.console.address import asked, link
from manyeyes.console.dialogs import leave_signed_out, reporting, say_error
from manyeyes.console.pages.logs.shared import tails
from manyeyes.console.pages.logs.words import row
from manyeyes.console.parts.log_rows import LogRows
from manyeyes.console.parts.state import State
from manyeyes.console.visitor import Visitor
from manyeyes.errors import ManyeyesError, NodeNotFound, NotSignedIn
from manyeyes.natural_order import natural

_AGAIN_S = 5.0
_FIRST_LINES = 200
_OLDER_LINES = 200
LEVELS = {
    "": "All levels",
    "debug": "debug and above",
    "info": "info and above",
    "warning": "warning and above",
    "error": "error and above",
    "critical": "critical",
}
SINCES = {"": "Any time", "10m": "Last 10 minutes", "1h": "Last hour", "1d": "Last day", "7d": "Last 7 days"}
_FILTERS = ("machine", "level", "text", "since")


async def build(visitor: Visitor) -> None:
    """Fill the page; raises NotAllowed for those who may not read the logs."""
    tail = _Tail(visitor)
    await tail.begin()


class _Following:
    """Whether the tail follows, why not, and the button that changes it."""

    def __init__(self, on_click: Any) -> None:
        self._button = ui.button("Pause", icon="pause", on_click=on_click).props("outline no-caps")
        with ui.element("div").props('role="status"').classes("following"):
            self._state = State("Following", "good")
            self._why = ui.label().classes("soft")

    def show(self, trouble: str, *, paused: bool, hidden: bool) -> None:
        """Show it; `trouble` says why lines do not come."""
        word, tone, why = (
            ("Not following", "bad", f"{trouble}; tried again every {_AGAIN_S:.0f} s")
            if trouble
            else ("Paused", "soft", "new lines wait until you resume")
            if paused
            else ("Paused", "soft", "the page is out of sight")
            if hidden
            else ("Following", "good", "")
        )
        self._state.show(word, tone)
        if self._why.text != why:
            self._why.text = why
        label = "Resume" if paused else "Pause"
        if self._button.text != label:
            self._button.text = label
            self._button.props(f"icon={'play_arrow' if paused else 'pause'}")


class _Tail:
    """Follows while somebody looks; paused, hidden and closed pages cost nothing."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._page = ui.context.client
        self._task: asyncio.Task[Any] | None = None
        self._paused = False
        self._hidden = False
        self._older = ""
        self._wanted = {name: asked(name) for name in _FILTERS}
        if self._wanted["level"] not in LEVELS:
            self._wanted["level"] = ""

    async def begin(self) -> None:
        """Show the newest lines, then follow."""
        try:
            found = await self._list()
        except NodeNotFound as error:
            self._draw(LogPage(lines=()))
            say_error(error)
        else:
            self._draw(found)
            self._follow()
        self._page.on_delete(self._stop)
        self._page.on_disconnect(self._stop)
        self._page.on_connect(self._connected)

    def _draw(self, found: LogPage) -> None:
        with ui.row().classes("tools").props('role="group" aria-label="Which lines"'):
            self._machine = ui.input(
                "Machine",
                value=self._wanted["machine"],
                on_change=self._filter,
                autocomplete=sorted({line.machine for line in found.lines} | {"master"}, key=natural),
            )
            self._machine.props("outlined dense clearable debounce=400")
            ui.select(LEVELS, label="Level", value=self._wanted["level"], on_change=self._set("level")).props(
                "outlined dense options-dense"
            ).classes("tools-choice")
            since = self._wanted["since"]
            choices = SINCES if since in SINCES else {**SINCES, since: f"Since {since}"}
            ui.select(choices, label="Since", value=since, on_change=self._set("since")).props(
                "outlined dense options-dense"
            ).classes("tools-choice")
            self._text = ui.input("Text in the line", value=self._wanted["text"], on_change=self._filter)
            self._text.props("outlined dense clearable debounce=400").classes("tools-search")
        with ui.row().classes("tools"):
            self._following = _Following(self._turn)
        self._rows = LogRows(
            "Log lines of all machines, the newest first",
            traces=link("/logs") + "?trace=",
            empty="No log lines match.",
            rows=[row(line) for line in found.lines],
            seen=self._seen,
        )
        self._more = ui.button("Older lines", on_click=reporting(self._add_older)).props("outline no-caps")
        self._know(found)

    # which lines

    def _set(self, name: str) -> Any:
        async def changed(event: Any) -> None:
            await self._ask({name: str(event.value or "")})

        return changed

    async def _filter(self) -> None:
        await self._ask(
            {"machine": (self._machine.value or "").strip(), "text": (self._text.value or "").strip()}
        )

    async def _ask(self, change: dict[str, str]) -> None:
        wanted = {**self._wanted, **change}
        if wanted != self._wanted:
            self._wanted = wanted
            ui.navigate.history.replace(link("/logs", **wanted))
            await reporting(self._anew)()

    def _filters(self) -> dict[str, Any]:
        return {**self._wanted, "level": self._wanted["level"] or None}

    async def _list(self, **more: Any) -> LogPage:
        return await self._visitor.client.logs.list(**self._filters(), limit=_FIRST_LINES, brief=True, **more)

    async def _anew(self) -> None:
        """Show the newest lines that fit, and follow from there unless paused."""
        self._stop()
        wanted = self._wanted
        try:
            found = await self._list()
        except NodeNotFound:
            self._rows.clear_rows()
            raise
        if wanted is not self._wanted:
            return  # asked differently meanwhile
        self._rows.clear_rows()
        self._rows.add([row(line) for line in found.lines])
        self._know(found)
        self._follow()

    def _know(self, found: LogPage) -> None:
        self._older = found.older if len(found.lines) >= _FIRST_LINES else ""
        self._more.set_visibility(bool(self._older))

    async def _add_older(self) -> None:
        """Older lines stay, so new ones have to wait."""
        self._paused = True
        self._stop()
        self._show_state()
        found = await self._list(cursor=self._older)
        self._rows.add_older([row(line) for line in found.lines])
        self._know(found)

    # following

    async def _turn(self) -> None:
        self._paused = not self._paused
        self._show_state()
        if self._paused:
            self._stop()
        else:
            await reporting(self._anew)()

    async def _seen(self, in_sight: bool) -> None:
        if in_sight == (not self._hidden):
            return
        self._hidden = not in_sight
        self._show_state()
        if self._hidden:
            self._stop()
        elif not self._paused:
            await reporting(self._anew)()

    async def _connected(self) -> None:
        """A connection that was lost is there again; the first one finds it following already."""
        if self._task is None and not self._paused and not self._hidden:
            with self._page:
                await reporting(self._anew)()

    def _follow(self) -> None:
        if self._task is None and not self._paused and not self._hidden:
            self._task = background_tasks.create(self._hear(), name="console-tail")

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _hear(self) -> None:
        while True:
            try:
                filters = tuple(self._wanted.items())
                async with aclosing(tails.follow(self._visitor.client, filters)) as news:
                    self._show_state()
                    async for rows in news:
                        self._rows.add(rows)
            except NotSignedIn:
                with self._page:
                    leave_signed_out()
                return
            except ManyeyesError as error:
                self._show_state(error.detail)
                await asyncio.sleep(_AGAIN_S)

    def _show_state(self, trouble: str = "") -> None:
        self._following.show(trouble, paused=self._paused, hidden=self._hidden)
