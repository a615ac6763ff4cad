"""What each role may do, as the gateway enforces it."""

from __future__ import annotations

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from manyeyes.api.access import ROLES
from manyeyes.console.parts.small_table import SmallTable

MAY = (
    ("Send pictures, see their results and the traces of one's own pictures", "user"),
    ("See the overview: figures, nothing about people", "user"),
    ("See, add, rename and remove people; say who a face is or is not", "operator"),
    ("Set how sure a name must be", "operator"),
    ("See nodes; approve, pause, drain, shut down and remove them; put and get files", "operator"),
    ("Read the logs of all machines, and the trace of every picture", "operator"),
    ("Make and revoke API keys, and tokens that let machines join", "admin"),
    ("Run commands on nodes that allow it; read the audit log", "admin"),
    ("See the master's settings", "admin"),
)


def build() -> None:
    """A table of actions and roles."""
    with ui.element("section").classes("card").props('aria-label="What each role may do"'):
        TextElement(tag="h2", text="What each role may do").classes("card-title")
        table = SmallTable("What each role may do", ("Action", *ROLES), figures=(), empty="")
        table.show([(what, *(_may(role, least) for role in ROLES)) for what, least in MAY])


def _may(role: str, least: str) -> str:
    return "yes" if ROLES.index(role) >= ROLES.index(least) else "–"
