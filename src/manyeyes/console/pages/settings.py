"""Keys, roles, limits, threshold."""

from __future__ import annotations

from manyeyes.console.visitor import Visitor


async def build(visitor: Visitor) -> None:
    """Fill the page."""
