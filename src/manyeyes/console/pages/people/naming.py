"""Asking for a name: a new one, or one of those known."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

_MOST_CHARACTERS = 200


async def ask_name(
    question: str,
    label: str,
    action: str,
    *,
    value: str = "",
    what: str = "",
    among: Sequence[str] | None = None,
) -> str:
    """The name that was typed; empty where it was left.

    Args:
        what: what happens then.
        among: the only names that are taken.
    """
    with ui.dialog() as dialog, ui.card().classes("ask"):
        dialog.props["aria-label"] = question
        ui.label(question).classes("ask-title")
        if what:
            ui.label(what)

        def submit() -> None:
            name = (field.value or "").strip()
            if name:
                dialog.submit(name)
            else:
                field.error = "Type a name first." if among is None else "Choose one of the list first."

        def typed() -> None:
            field.error = None

        if among is None:
            field: ui.input | ui.select = ui.input(label, value=value, on_change=typed)
        else:
            field = ui.select(list(among), label=label, with_input=True, on_change=typed)
        field.props(f"outlined dense autofocus maxlength={_MOST_CHARACTERS}").classes("ask-field")
        if among is None:
            field.on("keydown.enter", submit)
        with ui.row().classes("ask-actions"):
            ui.button("Cancel", on_click=lambda: dialog.submit("")).props("flat no-caps")
            ui.button(action, on_click=submit).props("no-caps unelevated")
    answer = await dialog
    dialog.delete()
    return str(answer or "")
