"""The page of settings."""

from __future__ import annotations

from datetime import UTC, datetime

from nicegui import ui

from manyeyes.console.address import link, use_style
from manyeyes.console.pages.settings import in_force, keys, roles, threshold
from manyeyes.console.pages.settings.section import section
from manyeyes.console.parts.facts import FactList
from manyeyes.console.visitor import Visitor
from manyeyes.console.wording import exact
from manyeyes.wording import duration


async def build(visitor: Visitor) -> None:
    """Fill the page; each part that the visitor's role may not see says so."""
    use_style("fleet.css")
    use_style("settings.css")
    with ui.element("div").classes("halves"):
        with ui.element("div").classes("stack"):
            FactList("You").show(_you(visitor))
            if visitor.may("operator"):
                _unknown_faces()
        roles.build()
        with section(
            "How sure a name must be",
            "A face gets a name when it is near enough to a photo of that person. This counts from the next picture on.",
        ):
            await threshold.build(visitor)
        with section(
            "API keys", "Anyone who has a key may do what its role allows, from any program or browser."
        ):
            await keys.build(visitor)
        with section("Settings in force"):
            await in_force.build(visitor)


def _unknown_faces() -> None:
    with section("Unknown faces"), ui.element("p").classes("hint"):
        ui.label("Whether they are kept, and for how long, is set on their page:").classes("within")
        with ui.element("a").props(f'href="{link("/people/unknown")}"').classes("link"):
            ui.label("Unknown faces").classes("within")


def _you(visitor: Visitor) -> dict[str, str]:
    ends = visitor.expires_at
    left = f"in {duration((ends - datetime.now(UTC)).total_seconds())} ({exact(ends)})" if ends else "never"
    return {
        "Signed in with the key": visitor.name,
        "Role": visitor.role,
        "The session ends": f"{left}, by signing out, or when the key is revoked",
    }
