"""A short table of plain texts."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui.element import Element


class SmallTable(Element, component="small_table.js"):
    """Shows rows of texts.

    Args:
        figures: the columns, counted from 0, that hold figures.
        line: the column whose texts are cut to one line, if any; the whole stands in their `title`.
        empty: said where there are no rows.
    """

    def __init__(
        self, caption: str, columns: Sequence[str], *, figures: Sequence[int], empty: str, line: int = -1
    ) -> None:
        super().__init__()
        self._props.update(
            caption=caption, columns=list(columns), figures=list(figures), line=line, empty=empty, rows=[]
        )

    def show(self, rows: Sequence[Sequence[str]]) -> None:
        """Show these rows; nothing is sent where they are as they were."""
        shown = [list(row) for row in rows]
        if shown != self._props["rows"]:
            self._props["rows"] = shown
            self.update()
