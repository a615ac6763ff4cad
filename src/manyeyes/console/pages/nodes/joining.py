"""The dialog that makes a join token and says what to start where."""

from __future__ import annotations

from nicegui import ui

from manyeyes.console.dialogs import reporting
from manyeyes.console.parts.command import Command
from manyeyes.console.visitor import Visitor
from manyeyes.console.wording import exact

_LASTING = {600: "10 minutes", 3600: "1 hour", 86_400: "1 day", 604_800: "7 days"}
OVER_SSH = "manyeyes nodes add USER@HOST"


def offer_join(visitor: Visitor) -> ui.button:
    """A button that opens the dialog; it makes tokens for admins only, as the gateway does."""
    return ui.button("Add a machine", icon="add", on_click=lambda: ask_for_join(visitor)).props(
        "no-caps unelevated"
    )


async def ask_for_join(visitor: Visitor) -> None:
    """Ask how long a token is to work, make it, and show the command to start."""
    with (
        ui.dialog().props('aria-labelledby="join-title"') as dialog,
        ui.card().classes("ask join"),
    ):
        dialog.on("hide", dialog.delete)  # only then: hiding gives the focus back to where it was
        ui.element("h2").props('id="join-title"').classes("ask-title").add_slot("default", "Add a machine")
        ui.label("Any Linux machine with Python 3.11 or newer can be a node. It needs no open port.")
        if visitor.may("admin"):
            join_form(visitor)
        else:
            ui.label(
                "Tokens are made by admins. An admin runs this on the master, or opens this dialog:"
            ).classes("join-step")
            Command("manyeyes token --expires 1h", "Command that makes a token")
        ui.label(
            "Or over SSH, in one step, from a machine where you are an admin of this master: it checks, installs, "
            "joins and starts the machine."
        ).classes("join-step")
        Command(OVER_SSH, "Command that adds a machine over SSH")
        with ui.row().classes("ask-actions"):
            ui.button("Close", on_click=dialog.close).props("flat no-caps")
    await dialog


def join_form(visitor: Visitor) -> ui.button:
    """What an admin chooses, the button that makes a token, and the command to start then; returns the button."""
    with ui.row().classes("join-options"):
        lasting = (
            ui.select(_LASTING, value=3600, label="Machines may join for")
            .props("outlined dense options-dense")
            .classes("join-lasting")
        )
        approve = ui.checkbox("Each waits until it is approved here")
        ephemeral = ui.checkbox("Forget each when it leaves")

    @reporting
    async def make() -> None:
        token = await visitor.client.create_token(
            int(lasting.value), approve=bool(approve.value), ephemeral=bool(ephemeral.value)
        )
        made.clear()
        with made:
            if token.warning:
                with ui.element("div").props('role="alert"').classes("problem"):
                    ui.icon("warning").props('aria-hidden="true"')
                    ui.label(token.warning[:1].upper() + token.warning[1:] + ".")
            ui.label("On the machine that is to join:").classes("join-step")
            Command(f"manyeyes node --join {token.token}", "Command that joins")
            ui.label(
                f"Token {token.id} works until {exact(token.expires_at)}. Anyone who has it may join until then"
                + (", and waits for approval. " if approve.value else ". ")
                + "It is shown only now. "
                + (
                    "A node that leaves, or is lost for a time, is forgotten: its name is free, and its next start joins "
                    "anew with a token. "
                    if ephemeral.value
                    else "Later starts need no token: 'manyeyes node' is enough. "
                )
                + "'--name lab-2' chooses the node's name."
            ).classes("soft")

    button = ui.button("Make a join command", icon="key", on_click=make).props("no-caps unelevated")
    made = ui.element("div").classes("join-made").props('role="status"')
    return button
