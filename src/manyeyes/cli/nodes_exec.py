"""`manyeyes nodes exec`: runs a command on nodes and prints its output as it arrives."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from manyeyes.cli.output import JsonOption, context_of, print_json, say, tell_bytes
from manyeyes.cli.status import parse_duration_s
from manyeyes.contract import Ended
from manyeyes.errors import BadRequest, ManyeyesError
from manyeyes.plain_text import utf8
from manyeyes.sdk.client import AsyncClient
from manyeyes.sdk.commands import Output

_AFTER_DASHES = "manyeyes.after-dashes"


class AfterDashes(TyperCommand):
    """A command that takes all arguments after `--` as another command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Store the arguments after the first `--` unchanged."""
        if "--" in args:
            at = args.index("--")
            ctx.meta[_AFTER_DASHES], args = args[at + 1 :], args[:at]
        return super().parse_args(ctx, args)


@dataclass
class Ran:
    """A command on one node: its output, how it ended, or its error."""

    node: str
    prefix: bytes
    quiet: bool
    status: int = 0
    outcome: str = ""
    ended: Ended | None = None
    error: ManyeyesError | None = None
    kept: dict[str, bytearray] = field(default_factory=lambda: {"stdout": bytearray(), "stderr": bytearray()})

    def take(self, output: Output) -> None:
        """Print output as it arrives; with several nodes, print whole lines, each with its node's name."""
        kept = self.kept[output.stream]
        kept += output.data
        if self.quiet:
            return
        if not self.prefix:
            self._print(output.stream, bytes(kept))
            kept.clear()
            return
        whole, newline, rest = bytes(kept).rpartition(b"\n")
        if newline:
            self._lines(output.stream, whole)
            self.kept[output.stream] = bytearray(rest)

    def finish(self) -> None:
        """Print the rest of the output that has no line end."""
        for stream, kept in self.kept.items():
            if kept and not self.quiet:
                self._lines(stream, bytes(kept))

    def _lines(self, stream: str, lines: bytes) -> None:
        self._print(stream, b"".join(self.prefix + line + b"\n" for line in lines.split(b"\n")))

    def _print(self, stream: str, data: bytes) -> None:
        tell_bytes(stream, data)

    def as_json(self) -> dict[str, Any]:
        """The fields for `--json`; bytes that are not UTF-8 are replaced."""
        return {
            "node": self.node,
            "status": self.status,
            "outcome": self.outcome,
            "stdout": self.kept["stdout"].decode(errors="replace"),
            "stderr": self.kept["stderr"].decode(errors="replace"),
            "cut": bool(self.ended and self.ended.cut),
            "elapsed_s": self.ended.elapsed_s if self.ended else None,
            "detail": self.error.detail if self.error else self.ended.detail if self.ended else "",
        }


def exec_on_nodes(
    ctx: typer.Context,
    nodes: Annotated[
        list[str] | None,
        typer.Argument(metavar="NODE...", help="Names as in 'nodes list'; after them -- and the command."),
    ] = None,
    everywhere: Annotated[bool, typer.Option("--all", help="Run it on every connected node.")] = False,
    timeout: Annotated[
        str, typer.Option(metavar="TIME", help="Stop the command after this time, as 90s, 30m or 1h.")
    ] = "60s",
    shell: Annotated[bool, typer.Option("--shell", help="Run the command as one line with /bin/sh.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a command on nodes that were started with --allow-exec, and exit with its status.

    With several nodes it exits with the highest status of all.

    Example: manyeyes nodes exec cellar attic -- df -h .
    """
    command = ctx.meta.get(_AFTER_DASHES) or []
    if not command:
        raise BadRequest("no command given; write it after --, as in: manyeyes nodes exec cellar -- df -h .")
    if bool(nodes) == everywhere:
        raise BadRequest("name the nodes, or give --all: one of the two")
    timeout_s = parse_duration_s(timeout)

    async def main() -> list[Ran]:
        loop = asyncio.get_running_loop()
        this = asyncio.current_task()
        assert this is not None
        loop.add_signal_handler(signal.SIGTERM, this.cancel)
        async with AsyncClient(context_of(ctx), waiting=say) as client:
            names = list(dict.fromkeys(nodes or ()))
            if everywhere:
                found = await client.nodes()
                names = [node.name for node in found if node.state not in ("joining", "lost", "left")]
                if not names:
                    raise BadRequest("no node is connected; 'manyeyes nodes list' shows their states")
            runs = [
                Ran(name, f"{utf8(name)}: ".encode() if len(names) > 1 else b"", as_json) for name in names
            ]
            await asyncio.gather(*(_run(client, run, command, shell, timeout_s) for run in runs))
            return runs

    try:
        runs = asyncio.run(main())
    except asyncio.CancelledError:
        raise typer.Exit(143) from None
    if as_json:
        print_json({"nodes": [run.as_json() for run in runs]})
    raise typer.Exit(max(run.status for run in runs))


async def _run(client: AsyncClient, run: Ran, command: Sequence[str], shell: bool, timeout_s: float) -> None:
    try:
        async for piece in client.commands.exec(run.node, command, shell=shell, timeout_s=timeout_s):
            if isinstance(piece, Output):
                run.take(piece)
            else:
                run.ended = piece
    except ManyeyesError as error:
        run.error = error
    run.finish()
    name = run.prefix.decode()
    if run.error:
        run.status, run.outcome = run.error.exit_code, run.error.code
        say(f"error: {name}{run.error.detail}")
    elif run.ended:
        run.status, run.outcome = run.ended.status, run.ended.how
        if run.ended.how == "timed-out":
            say(f"{name}ended at the time limit of {timeout_s:.0f} s")
        if run.ended.detail:
            say(f"{name}{run.ended.detail}")
