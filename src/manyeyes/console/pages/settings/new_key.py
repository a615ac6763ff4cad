"""The dialog that makes an API key and shows it, this once."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from nicegui import ui

from manyeyes.api.access import NewApiKey
from manyeyes.console.address import api, through_proxy
from manyeyes.console.dialogs import reporting
from manyeyes.console.parts.command import Command
from manyeyes.console.visitor import Visitor
from manyeyes.sdk.context import Context, context_text

_ROLES = {
    "user": "user: sends pictures",
    "operator": "operator: also people, nodes, logs",
    "admin": "admin: everything, keys too",
}
_MAX_NAME_CHARACTERS = 64


async def ask_for_key(visitor: Visitor, refresh: Callable[[], Awaitable[None]]) -> None:
    """Ask for name and role, make the key, show it until the dialog is closed."""
    master_url = f"https://{ui.context.client.request.headers['host']}{api()}"
    is_proxied = through_proxy()
    with (
        ui.dialog().props('aria-labelledby="key-title" persistent') as dialog,
        ui.card().classes("ask key-dialog"),
    ):
        ui.element("h2").props('id="key-title"').classes("ask-title").add_slot("default", "Make an API key")
        with ui.element("div").classes("key-form") as form:
            name = ui.input("Name: whose it is, or what for").props(
                f"outlined dense autofocus maxlength={_MAX_NAME_CHARACTERS}"
            )
            role = ui.radio(_ROLES, value="user").props('aria-label="Role"')
        said = ui.element("div").props('role="status"').classes("key-made")
        with ui.row().classes("ask-actions"):
            close = ui.button("Cancel", on_click=dialog.close).props("flat no-caps")
            make = ui.button("Make the key").props("no-caps unelevated")

        @reporting
        async def made() -> None:
            wanted = (name.value or "").strip()
            if not wanted:
                name.run_method("focus")
                return
            key = await visitor.client.create_key(wanted, role.value)
            form.set_visibility(False)
            make.set_visibility(False)
            close.text = "Close: I have it"
            with said:
                _show(key, Context(master_url, "" if is_proxied else await visitor.client.ca_pem(), key.key))
            await refresh()

        make.on_click(made)
        name.on("keydown.enter", made)
    dialog.on("hide", dialog.delete)  # only then: hiding gives the focus back to where it was
    dialog.open()


def _show(made: NewApiKey, context: Context) -> None:
    ui.label(f"The key of {made.name}, {made.role}. It is shown only now; the master keeps its hash.")
    Command(made.key, "API key")
    ui.label(
        "In the console, its holder signs in with it. For programs and the command line, a context file is easier:"
    )
    file_name = f"{re.sub(r'[^A-Za-z0-9._-]+', '-', made.name).strip('-.') or 'manyeyes'}.json"
    ui.button(
        "Save the context file",
        icon="download",
        on_click=lambda: ui.download(context_text(context).encode(), file_name, "application/json"),
    ).props("no-caps outline")
    ui.label(
        f"It holds the address {context.url}, {_trusted(context)}, and the key. Its holder runs 'manyeyes contexts add "
        f"{file_name}'; anyone else who reads it has the key too."
    ).classes("soft")


def _trusted(context: Context) -> str:
    if context.trusts_system:
        return "no CA, since the proxy has a certificate of its own, which the holder's system must trust"
    return "the certificate of the CA"
