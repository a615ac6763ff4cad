"""A table of one page of rows, sorted and paged by the server: a thousand rows cost what fifty do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nicegui.element import Element

Cell = dict[str, str]
"""`text`, and where it applies `title`, `href`, `tone` (a coloured dot), `note` (a smaller line), `act` (a button)."""


@dataclass(frozen=True)
class Column:
    """One column; `hint` explains it where its label is not enough."""

    name: str
    label: str
    kind: Literal["text", "figure", "short"] = "text"
    hint: str = ""


class LiveTable(Element, component="live_table.js"):
    """Shows rows, and asks for other ones.

    Args:
        sorting: called with a column's name and whether its largest come first.
        turning: called with the number of the first row of another page.
        acting: called with the key of the row whose button was pressed.
    """

    def __init__(
        self,
        caption: str,
        columns: Sequence[Column],
        *,
        limit: int,
        sorting: Callable[[str, bool], Awaitable[None]],
        turning: Callable[[int], Awaitable[None]],
        acting: Callable[[str], Awaitable[None]],
    ) -> None:
        super().__init__()
        shown = [vars(column) for column in columns]
        self._shown: dict[str, Any] = {}
        self._props.update(caption=caption, columns=shown, limit=limit)
        self.show([], found=0, offset=0, sort="", descending=False, empty="")
        self.on("sort", lambda event: sorting(str(event.args["name"]), bool(event.args["descending"])))
        self.on("page", lambda event: turning(int(event.args)))
        self.on("act", lambda event: acting(str(event.args)))

    def show(
        self,
        rows: list[dict[str, Cell | str]],
        *,
        found: int,
        offset: int,
        sort: str,
        descending: bool,
        empty: str,
    ) -> None:
        """Show these rows; what is as it was is not sent again.

        Args:
            rows: a cell by each column's name, and `key`.
            found: how many there are on all pages.
            empty: said where there are none.
        """
        now = {
            "rows": rows,
            "found": found,
            "offset": offset,
            "sort": sort,
            "descending": descending,
            "empty": empty,
        }
        if now != self._shown:
            self._shown = now
            self._props.update(now)
            self.update()
