"""`manyeyes keys`: create, list and revoke API keys; a key's role says what its holder may do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from manyeyes.api.access import KeyRole
from manyeyes.cli.output import JsonOption, ago, client_of, print_json, print_table, say, tell
from manyeyes.errors import FileTrouble
from manyeyes.sdk.context import save_context

app = typer.Typer(help="API keys: who may do what.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A name as in 'keys list'.")]


@app.callback()
def keys() -> None:
    """API keys: who may do what."""


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The key's name: who uses it, or for what. The audit log shows it."
        ),
    ],
    role: Annotated[
        KeyRole,
        typer.Option(
            help="user: sends pictures. operator: also manages people, nodes and files. admin: may do everything."
        ),
    ] = "user",
    context: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a context file with address, CA and key for its user, instead of printing the key.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API key and show it once: the master stores only its hash.

    Example: manyeyes keys create anna --role operator --context anna.json
    """
    with client_of(ctx) as client:
        made = client.create_key(name, role)
        if context is not None:
            try:
                save_context(replace(client.context, api_key=made.key), context)
            except FileTrouble:
                client.revoke_key(name)  # nobody has seen the key
                raise
    if as_json:
        print_json(made if context is None else made.model_copy(update={"key": ""}))
    elif context is None:
        tell(made.key)
        say(f"the key of {made.name}, {made.role}; it is not shown again")
        say("to use it, set MANYEYES_KEY to it, or make a file with --context")
    else:
        say(f"{context} holds address, CA and the key of {made.name}, {made.role}; it is not shown again")
        say(f"to use it, set MANYEYES_CONTEXT to that file; its master is {client.context.url}")


@app.command("list")
def list_keys(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List the API keys that work.

    Example: manyeyes keys list
    """
    with client_of(ctx) as client:
        found = client.keys()
    if as_json:
        print_json(found)
        return
    rows = [(key.name, key.role, ago(key.created_at)) for key in found]
    print_table(("name", "role", "made"), rows, "there is no key")


@app.command()
def revoke(ctx: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
    """Revoke an API key; its next request is refused.

    Example: manyeyes keys revoke anna
    """
    with client_of(ctx) as client:
        client.revoke_key(name)
    if as_json:
        print_json({"revoked": name})
    else:
        say(f"revoked {name}")
