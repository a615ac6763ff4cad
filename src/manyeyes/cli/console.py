"""`manyeyes console`: opens the web console without typing a key."""

from __future__ import annotations

import os
import sys
import webbrowser
from typing import Annotated

import typer

from manyeyes.cli.output import JsonOption, client_of, print_json, say, tell


def console(
    ctx: typer.Context,
    opens: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open a browser; by default only if there is a desktop."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Open the web console, and print a link that signs in once within two minutes.

    Example: manyeyes console
    """
    with client_of(ctx) as client:
        link = client.console_link()
    if as_json:
        print_json(link)
        return
    tell(link.url)
    say(
        f"the link works once, within {link.expires_s:.0f} s. At an address that the certificate does not name the browser "
        "warns, and so it does the first time if the master made its certificate itself"
    )
    has_desktop = sys.platform == "darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if opens or (opens is None and has_desktop):
        webbrowser.open(link.url)
