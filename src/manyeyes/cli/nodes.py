"""`manyeyes nodes`: the machines of the fleet."""

from __future__ import annotations

import typer

from manyeyes.cli import fleet
from manyeyes.cli.commands import AfterDashes, exec_on_nodes
from manyeyes.cli.moving import get, put
from manyeyes.cli.output import JsonOption, ago, client_of, print_json, print_table

app = typer.Typer(help="The machines of the fleet.", no_args_is_help=True)


@app.callback()
def nodes() -> None:
    """The machines of the fleet."""


@app.command("list")
def list_nodes(ctx: typer.Context, as_json: JsonOption = False) -> None:
    """List the nodes, what they do and how they fare.

    Example: manyeyes nodes list
    """
    with client_of(ctx) as client:
        found = client.nodes()
    if as_json:
        print_json(found)
        return
    rows = [
        (
            node.name,
            node.state,
            node.reason or "",
            node.workers,
            node.done,
            node.failed,
            ago(node.last_seen),
            node.address or "",
            node.pack or "",
            "yes" if node.allow_exec else "no",
        )
        for node in found
    ]
    columns = ("node", "state", "reason", "workers", "done", "failed", "last seen", "address", "pack", "exec")
    print_table(columns, rows, "no node has joined yet; 'manyeyes token' shows how")


fleet.register(app)
app.command("exec", cls=AfterDashes)(exec_on_nodes)
app.command()(put)
app.command()(get)
