"""One figure over the last hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from nicegui import ui
from nicegui.element import Element


class Chart(Element, component="chart.js"):
    """A line drawn in the browser, and the same as a table.

    Args:
        unit: of the values, as `pictures/s`; empty where the name says it.
        top: the value at the upper edge; 0: what the largest value needs.
    """

    def __init__(self, name: str, unit: str, *, top: float = 0.0) -> None:
        super().__init__()
        self._props.update(name=name, unit=unit, limit=top, values=[], bucketS=10.0, endsAt=0.0)

    def show(
        self, values: Sequence[float | None], bucket_s: float, ends_at: datetime, *, scale: float = 1.0
    ) -> None:
        """Show these buckets times `scale`, oldest first, the last of which ended at `ends_at`; None: not known."""
        shown = [value if value is None else round(value * scale, 3) for value in values]
        now = {"values": shown, "bucketS": bucket_s, "endsAt": ends_at.timestamp() * 1e3}
        if any(self._props[name] != value for name, value in now.items()):
            self._props.update(now)
            self.update()


def charted(label: str, name: str, unit: str, *, top: float = 0.0) -> Chart:
    """A chart in a card of its own."""
    with ui.element("section").classes("card").props(f'aria-label="{label}"'):
        return Chart(name, unit, top=top)
