"""Lines of the log, the newest first; each opens to show all its facts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nicegui.element import Element

MOST_ROWS = 500
"""The browser keeps no more."""


class LogRows(Element, component="log_rows.js"):
    """Shows rows as `words.row` makes them; only new ones are sent.

    Args:
        traces: address of the page of a trace, to which the trace id is added; empty for no links.
        empty: said where there is no row.
        rows: those to begin with, the newest last.
        seen: called when the page comes into sight, and with False when it goes out of it.
    """

    def __init__(
        self,
        caption: str,
        *,
        traces: str,
        empty: str,
        rows: Sequence[dict[str, Any]] = (),
        seen: Callable[[bool], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__()
        self._props.update(caption=caption, traces=traces, empty=empty, first=list(rows), most=MOST_ROWS)
        if seen is not None:
            self.on("seen", lambda event: seen(bool(event.args)))

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Newer rows, the newest last; those beyond the most are dropped, the oldest first."""
        self.run_method("add", list(rows))

    def add_older(self, rows: Sequence[dict[str, Any]]) -> None:
        """Older rows, the newest last; where there are too many then, the newest are dropped."""
        self.run_method("addOlder", list(rows))

    def clear_rows(self) -> None:
        """None of them any more."""
        self.run_method("clear")
