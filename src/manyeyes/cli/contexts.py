"""`manyeyes contexts`: the masters that this user knows, and which one commands talk to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from manyeyes.addresses import is_loopback
from manyeyes.cli.output import JsonOption, print_json, print_table, say
from manyeyes.sdk.context import load_context
from manyeyes.sdk.contexts import Contexts

app = typer.Typer(help="The masters that you use, and the default.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A name as in 'contexts list'.")]


@app.callback()
def contexts() -> None:
    """The masters that you use, and the default."""


@app.command("list")
def list_contexts(as_json: JsonOption = False) -> None:
    """List the masters that you know; * marks the one that commands use.

    MANYEYES_CONTEXT and --master choose another for one command.

    Example: manyeyes contexts list
    """
    contexts = Contexts()
    known = contexts.all()
    for trouble in contexts.unusable():
        say(f"warning: {trouble.detail}")
    if as_json:
        print_json(
            {
                "contexts": [
                    {"name": one.name, "master": one.context.url, "default": one.default} for one in known
                ]
            }
        )
        return
    rows = [("*" if one.default else "", one.name, one.context.url) for one in known]
    print_table(("", "name", "master"), rows, "no master is known; 'manyeyes up' starts one")


@app.command()
def use(name: NameArgument) -> None:
    """Make a master the one that commands use.

    Example: manyeyes contexts use lab
    """
    one = Contexts().use(name)
    say(f"commands use {one.name} now, {one.context.url}")


@app.command()
def add(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A context file, as 'keys create --context' writes it.")
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to call it; the file's name by default.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="The master's address from here, as https://HOST:8443; by default the file's."
        ),
    ] = None,
) -> None:
    """Add a master from a context file.

    Example: manyeyes contexts add lab.json --address https://lab:8443
    """
    context = load_context(
        file, otherwise="name one that 'manyeyes keys create NAME --context FILE' has written"
    )
    if address is not None:
        context = replace(context, url=address.rstrip("/"))
    elif is_loopback(urlsplit(context.url).hostname or ""):
        say(
            f"warning: {context.url} is an address of this machine; if the master runs on another one, run this again with "
            "--address https://HOST:8443"
        )
    one = Contexts().add(context, name or file.stem)
    say(f"{one.name} is {one.context.url}" + ("; commands use it" if one.default else ""))


@app.command()
def remove(name: NameArgument) -> None:
    """Forget a master. The master itself does not notice.

    Example: manyeyes contexts remove lab
    """
    Contexts().remove(name)
    say(f"{name} is forgotten")
