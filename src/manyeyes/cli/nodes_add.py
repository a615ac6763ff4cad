"""`manyeyes nodes add`: adds a machine over SSH."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from manyeyes.cli.output import JsonOption, context_of, print_json, say, tell


def add(
    ctx: typer.Context,
    machine: Annotated[
        str, typer.Argument(metavar="USER@HOST[:PORT]", help="A machine that you can reach by SSH.")
    ],
    identity: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Private key to sign in with; by default those of the SSH agent and of ~/.ssh.",
        ),
    ] = None,
    host_key_fingerprint: Annotated[
        str | None,
        typer.Option(metavar="SHA256:...", help="Accept only this host key, and store it."),
    ] = None,
    wheels: Annotated[
        bool,
        typer.Option(
            "--wheels", help="Send the agent's packages too: for a machine without a package index."
        ),
    ] = False,
    python: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Python to use on that machine; by default a suitable one is found."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The node's name; the host's name by default.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of worker processes; one for each core by default.")
    ] = None,
    hours: Annotated[
        str | None,
        typer.Option(metavar="HH:MM-HH:MM", help="Work only in these hours, local time, as 22:00-07:00."),
    ] = None,
    when_idle: Annotated[
        bool, typer.Option("--when-idle", help="Work only while no other program keeps the machine busy.")
    ] = False,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Most memory of all workers together, as 800M or 4G.")
    ] = None,
    allow_exec: Annotated[
        bool,
        typer.Option("--allow-exec", help="Let admins run commands on the node, as the user that runs it."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a machine over SSH: check it, install the agent, join, start. Run it again to update the machine.

    Example: manyeyes nodes add ada@lab-2 --name lab-2
    """
    from manyeyes.api.nodes import Node
    from manyeyes.cli.adding.ssh import connected
    from manyeyes.cli.adding.steps import InstallOptions, bring_in
    from manyeyes.cli.adding.target import parse_fingerprint, parse_target
    from manyeyes.node.availability.decision import Hours, parse_bytes
    from manyeyes.sdk.client import AsyncClient

    target = parse_target(machine)
    wanted = parse_fingerprint(host_key_fingerprint) if host_key_fingerprint else None
    flags = ["--workers", str(workers)] if workers else []
    if hours:
        Hours.parse(hours)
        flags += ["--hours", hours]
    if memory:
        parse_bytes(memory)
        flags += ["--memory", memory]
    flags += ["--when-idle"] if when_idle else []
    flags += ["--allow-exec"] if allow_exec else []
    options = InstallOptions(name or "", python or "", wheels, tuple(flags))

    async def main() -> Node:
        async with AsyncClient(context_of(ctx), waiting=say) as client:
            await client.status()  # the master must answer before anything is done on the machine
            async with connected(target, identity=identity, fingerprint=wanted) as remote:
                return await bring_in(remote, client, options, lambda step: say(f"{target.host}: {step}"))

    node = asyncio.run(main())
    if as_json:
        print_json(node)
    else:
        reason = f", {node.reason}" if node.reason else ""
        tell(f"{node.name}: {node.state}{reason}")
