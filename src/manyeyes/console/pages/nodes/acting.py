"""Doing something with a node: asked first, done by the visitor's own client, shown at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from manyeyes.console.dialogs import confirm, reporting
from manyeyes.console.pages.nodes.words import Offer
from manyeyes.console.visitor import Visitor


@reporting
async def carry_out(
    visitor: Visitor, name: str, offer: Offer, refresh: Callable[[], Awaitable[None]]
) -> None:
    """Ask whether it is meant, do it, say so, and show how the node is then."""
    if not await confirm(offer.question, offer.what_happens, offer.label, grave=offer.grave):
        return
    try:
        if offer.act == "remove":
            await visitor.client.remove_node(name)
        else:
            await visitor.client.tell_node(name, offer.act)
        ui.notify(offer.done, type="positive", position="bottom")
    finally:
        await refresh()
