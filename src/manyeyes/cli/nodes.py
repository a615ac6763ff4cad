"""`manyeyes nodes`: the nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, cast, get_args

import typer

from manyeyes.api.nodes import NODE_STATES, Node, NodeSort
from manyeyes.cli.nodes_add import add
from manyeyes.cli.nodes_exec import AfterDashes, exec_on_nodes
from manyeyes.cli.nodes_files import get, put
from manyeyes.cli.output import (
    JsonOption,
    YesOption,
    ago,
    client_of,
    confirm,
    print_fields,
    print_json,
    print_table,
    say,
    say_error,
    tell,
)
from manyeyes.errors import BadRequest, ManyeyesError
from manyeyes.sdk.client import NodeWord
from manyeyes.wording import cores_and_memory, in_utc, several

app = typer.Typer(help="The nodes: the machines that do the work.", no_args_is_help=True)

_NOBODY = "no node has joined yet; 'manyeyes token' shows how"
NamesArgument = Annotated[list[str], typer.Argument(metavar="NAME...", help="Names as in 'nodes list'.")]


@app.callback()
def nodes() -> None:
    """The nodes: the machines that do the work."""


@app.command("list")
def list_nodes(
    ctx: typer.Context,
    search: Annotated[
        str,
        typer.Option(
            metavar="WORDS", help="Only nodes with all these words in name, host, pack, state or reason."
        ),
    ] = "",
    state: Annotated[str, typer.Option(metavar="STATE", help="Only nodes in this state, as 'lost'.")] = "",
    sort: Annotated[
        str,
        typer.Option(
            metavar="COLUMN",
            help="Sort by name, state (those that need attention first), workers, pictures_per_s, done, failed, "
            "last_seen, pack or hostname; with - before it in reverse order.",
        ),
    ] = "name",
    limit: Annotated[
        int | None, typer.Option(min=1, max=1000, help="List at most this many; all by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the nodes: state, work and last heartbeat.

    Example: manyeyes nodes list --state lost --sort=-last_seen
    """
    found, more = _found(ctx, search, _state(state), sort, limit)
    if as_json:
        print_json(found)
    else:
        _print(found, "no nodes match" if search or state else _NOBODY)
    if more:
        say(f"{more} more are not listed; --limit lists more, --search finds some")


def _print(found: list[Node], nobody: str) -> None:
    rows = [
        (
            node.name,
            node.state,
            node.reason or "",
            node.workers,
            f"{node.pictures_per_s:.3g}/s" if node.pictures_per_s else "",
            node.done,
            node.failed,
            ago(node.last_seen),
            node.address or "",
            node.pack or "",
            node.version,
            "yes" if node.allow_exec else "no",
        )
        for node in found
    ]
    columns = (
        "node",
        "state",
        "reason",
        "workers",
        "speed",
        "done",
        "failed",
        "last seen",
        "host",
        "pack",
        "version",
        "exec",
    )
    drop = ("exec", "version", "failed", "reason", "pack", "host", "workers", "last seen", "done", "speed")
    print_table(columns, rows, nobody, text=("reason",), drop=drop, below="reason")


def _state(given: str) -> str:
    """The state as nodes have it; `cut-off` is `cut off`.

    Raises:
        BadRequest: no node is ever in it.
    """
    state = given.strip().lower().replace("-", " ")
    if state and state not in NODE_STATES:
        raise BadRequest(f"no node is ever in the state {given!r}; the states are {', '.join(NODE_STATES)}")
    return state


def _found(
    ctx: typer.Context, search: str, state: str, sort: str, limit: int | None
) -> tuple[list[Node], int]:
    """The nodes that match, at most `limit`, and how many more match."""
    order = sort.removeprefix("-").replace("-", "_")
    if order not in get_args(NodeSort):
        raise BadRequest(f"nodes cannot be sorted by {sort!r}; by {', '.join(get_args(NodeSort))}")
    with client_of(ctx) as client:
        if (search, state, sort, limit) == ("", "", "name", None):
            return client.nodes(), 0
        page = client.find_nodes(
            search,
            state=state,
            sort=cast(NodeSort, order),
            descending=sort.startswith("-"),
            limit=limit or 1000,
        )
    return list(page.nodes), page.found - len(page.nodes)


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name as in 'nodes list'.")],
    as_json: JsonOption = False,
) -> None:
    """Show everything that the master knows about one node.

    Example: manyeyes nodes show lab-2
    """
    with client_of(ctx) as client:
        node = client.node(name)
    if as_json:
        print_json(node)
        return
    host = node.host
    lines = {
        "node": node.name,
        "state": node.state + (f": {node.reason}" if node.reason else ""),
        "desired": node.desired or "work",
        "first seen": in_utc(node.first_seen) if node.first_seen else "-",
        "last seen": ago(node.last_seen),
        "token": node.token + (", ephemeral: forgotten when it leaves" if node.ephemeral else ""),
        "version": node.version or "not known",
        "host": f"{host.get('hostname', '')}, {host.get('system', '')}, {_machine(host)}",
        "processor": host.get("cpu", ""),
        "disk": _disk(node),
        "python": host.get("python", ""),
        "fingerprint": node.fingerprint or "none: the machine has no id",
        "same host": ", ".join(node.same_host) or "no other node",
        "pack": node.pack or "none yet",
        "workers": node.workers,
        "speed": _speed(node),
        "done": f"{several(node.done, 'picture')}, {node.failed} failed",
    }
    print_fields(lines.items())


def _machine(host: Mapping[str, Any]) -> str:
    """Its cores and memory, and what a container or an affinity leaves the node of them."""
    if not host:
        return ""
    return cores_and_memory(
        host.get("cores", 0),
        host.get("memory_bytes", 0),
        host.get("cores_limit"),
        host.get("memory_limit_bytes"),
    )


def _disk(node: Node) -> str:
    if not node.disk_bytes:
        return "not known yet"
    return f"{node.disk_free_bytes / 1e9:.3g} GB of {node.disk_bytes / 1e9:.3g} GB free"


def _speed(node: Node) -> str:
    if not node.picture_s:
        return "not known yet"
    recent = f"recent pictures took {node.picture_s * 1e3:.3g} ms on one worker" if node.done else ""
    tested = (
        f"{node.benchmark_s * 1e3:.3g} ms on one worker for the pack's test picture"
        if node.benchmark_s
        else "the pack has no test picture"
    )
    return "; ".join(filter(None, (tested, recent or "no picture is done yet")))


def _tell(ctx: typer.Context, names: list[str], word: NodeWord, as_json: bool) -> None:
    """Send the word to each node; an error with one does not stop the others."""
    told: list[Node] = []
    failed: ManyeyesError | None = None
    with client_of(ctx) as client:
        for name in dict.fromkeys(names):
            try:
                node = client.tell_node(name, word)
            except ManyeyesError as error:
                say_error(error)
                failed = error
                continue
            told.append(node)
            if not as_json:
                tell(
                    f"{node.name}: {node.state}{f', {node.reason}' if node.reason else ''}{_later(node, word)}"
                )
    if as_json:
        print_json(told)
    if failed is not None:
        raise typer.Exit(failed.exit_code)


_AWAY = ("lost", "left", "joining")
_WHEN_BACK: dict[NodeWord, str] = {
    "approve": "it works when it is back",
    "resume": "it works when it is back",
}
_START_AGAIN = (
    "to bring it back, start it on its machine: 'manyeyes node', or 'manyeyes down' and 'manyeyes up' where 'manyeyes up' "
    "runs it"
)


def _later(node: Node, word: NodeWord) -> str:
    """What follows for a node that is away, or that leaves."""
    if word == "shutdown":
        return f"; {_START_AGAIN}"
    if node.state not in _AWAY:
        return ""
    follows = f"; {_WHEN_BACK[word]}" if word in _WHEN_BACK else ""  # of the others the reason says it
    return follows + (f"; {_START_AGAIN}" if node.state == "left" else "")


@app.command()
def approve(ctx: typer.Context, names: NamesArgument, as_json: JsonOption = False) -> None:
    """Approve nodes that joined with a token of 'manyeyes token --approve'.

    Example: manyeyes nodes approve lab-2
    """
    _tell(ctx, names, "approve", as_json)


@app.command()
def pause(ctx: typer.Context, names: NamesArgument, as_json: JsonOption = False) -> None:
    """Pause nodes: they take no new pictures and keep the pack loaded, until 'resume', also after a restart.

    Example: manyeyes nodes pause lab-2
    """
    _tell(ctx, names, "pause", as_json)


@app.command()
def drain(ctx: typer.Context, names: NamesArgument, as_json: JsonOption = False) -> None:
    """Drain nodes: they finish the pictures in hand and stop their workers, which frees the machine until 'resume'.

    Example: manyeyes nodes drain lab-2
    """
    _tell(ctx, names, "drain", as_json)


@app.command()
def resume(ctx: typer.Context, names: NamesArgument, as_json: JsonOption = False) -> None:
    """Let paused or drained nodes work again.

    Example: manyeyes nodes resume lab-2
    """
    _tell(ctx, names, "resume", as_json)


@app.command()
def shutdown(ctx: typer.Context, names: NamesArgument, as_json: JsonOption = False) -> None:
    """Shut nodes down: they finish the pictures in hand, leave and exit with status 0.

    Example: manyeyes nodes shutdown lab-2
    """
    _tell(ctx, names, "shutdown", as_json)


@app.command()
def remove(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name as in 'nodes list'.")],
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a node at once: its key never works again, its pictures go to others.

    The node that 'manyeyes up' runs comes back with a new key when 'manyeyes up' starts again.

    Example: manyeyes nodes remove lab-2
    """
    with client_of(ctx) as client:
        confirm(yes, lambda: _removal_question(client.node(name)))
        client.remove_node(name)
    if as_json:
        print_json({"removed": name})
    else:
        say(
            f"removed {name}; to come back it needs a new token and a new data folder; where 'manyeyes up' runs it, "
            "'manyeyes down' and 'manyeyes up' bring it back"
        )


def _removal_question(node: Node) -> str:
    host = node.host.get("hostname") or "an unknown host"
    return f"Remove node {node.name} on {host} ({node.state}, {several(node.done, 'picture')} done)? Its key never works again."


app.command()(add)
app.command("exec", cls=AfterDashes)(exec_on_nodes)
app.command()(put)
app.command()(get)
