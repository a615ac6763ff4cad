"""The first page: what runs now."""

from __future__ import annotations

from nicegui import ui

from manyeyes.console.live import keep
from manyeyes.console.visitor import Visitor


async def build(visitor: Visitor) -> None:
    """Fill the page."""
    said = ui.label()

    async def refresh() -> None:
        status = await visitor.client.status()
        said.text = f"{status.tasks['done']} pictures done, up {status.uptime_s:.0f} s"

    keep(visitor, refresh, every_s=2)
