"""`manyeyes keys`: create, list and revoke API keys; a key's role says what its holder may do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from manyeyes.addresses import is_loopback
from manyeyes.api.access import KeyRole
from manyeyes.cli.output import (
    JsonOption,
    ago,
    client_of,
    need_output,
    print_json,
    print_table,
    say,
    tell,
    tell_once,
)
from manyeyes.errors import FileTrouble
from manyeyes.sdk.context import Context, save_context

app = typer.Typer(help="API keys: who may do what.", no_args_is_help=True)

_ADDRESS = "https://HOST:PORT, as 'manyeyes up' prints it for other machines"
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
    if context is not None and context.exists():
        raise FileTrouble(f"{context} exists, and the key in it would be lost; name a new file")
    if context is None:
        need_output("the key")
    with client_of(ctx) as client:
        made = client.create_key(name, role)

        def revoked() -> str:
            client.revoke_key(name)
            return f"the key {name} is revoked again, since nobody has seen it"

        if context is not None:
            try:
                save_context(replace(client.context, api_key=made.key), context)
            except FileTrouble:
                client.revoke_key(name)  # nobody has seen the key
                raise
        else:
            tell_once(lambda: print_json(made) if as_json else tell(made.key), revoked)
    if as_json:
        if context is not None:
            print_json(made.model_copy(update={"key": ""}))
    elif context is None:
        say(f"the key of {made.name}, {made.role}; it is not shown again")
        for line in _how_to_use(client.context):
            say(line)
    else:
        say(f"{context} holds address, CA and the key of {made.name}, {made.role}; it is not shown again")
        away = f"; on another machine with --address {_ADDRESS}" if _is_local(client.context.url) else ""
        say(
            f"who uses it runs 'manyeyes contexts add {context.name}'{away}; its master is {client.context.url}"
        )


def _is_local(url: str) -> bool:
    """Whether an address leads to a master from its own machine alone."""
    return is_loopback(urlsplit(url).hostname or "")


def _how_to_use(context: Context) -> list[str]:
    """What the holder of a key sets, a line each."""
    address = context.url
    if _is_local(address):
        address += f" on this machine; elsewhere {_ADDRESS}"
    ca = "system" if context.trusts_system else "a copy of identity/ca.pem, from the master's data folder"
    return [
        "who uses it sets in the environment:",
        f"  MANYEYES_MASTER  {address}",
        "  MANYEYES_KEY     the key",
        f"  MANYEYES_CA      {ca}",
        "'manyeyes keys create NAME --context FILE' writes one file with all three for another key",
    ]


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
