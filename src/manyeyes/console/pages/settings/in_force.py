"""The master's settings, read only."""

from __future__ import annotations

from itertools import groupby

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from manyeyes.api.overview import Setting
from manyeyes.console.pages.settings.values import shown
from manyeyes.console.parts.small_table import SmallTable
from manyeyes.console.visitor import Visitor

_GROUPS = {
    "pictures": "Limits of pictures",
    "alerts": "When an alert is raised",
    "rates": "Rate limits of one node",
    "master": "The master itself",
}


async def build(visitor: Visitor) -> None:
    """All settings in groups; raises NotAllowed."""
    found = await visitor.client.settings()
    ui.label(
        "They are set where the master is started, by environment variables of these names or by flags of "
        "'manyeyes up' and 'manyeyes master', and count from its next start on. 'manyeyes settings' prints them."
    ).classes("soft hint")
    tables: list[tuple[SmallTable, list[Setting]]] = []

    def show() -> None:
        for table, settings in tables:
            table.show([_row(one) for one in settings if one.changed or not only.value])

    changed = sum(one.changed for one in found)
    only = ui.checkbox(f"Only those that are not the default ({changed})", on_change=show)
    for group, settings in groupby(found, key=lambda one: one.group):
        title = _GROUPS.get(group, group)
        TextElement(tag="h3", text=title).classes("group-title")
        with ui.element("div").classes("scrolling"):
            table = SmallTable(
                title,
                ("Setting", "Value", "Default", "What it does"),
                figures=(),
                empty="All have their default values.",
            )
        table.classes("settings-table")
        tables.append((table, list(settings)))
    show()


def _row(one: Setting) -> tuple[str, str, str, str]:
    default = shown(one.name, one.default) if one.changed else ""
    return one.name, shown(one.name, one.value), default, one.sentence
