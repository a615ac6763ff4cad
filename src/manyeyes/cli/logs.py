"""`manyeyes logs`: the log lines of all machines, and traces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from enum import StrEnum
from typing import Annotated

import typer

from manyeyes.api.logs import LogLine
from manyeyes.cli.output import (
    JsonOption,
    VerboseOption,
    client_of,
    print_json,
    print_json_line,
    print_table,
    say,
    tell,
)
from manyeyes.cli.waterfall import line_sentence, line_text, waterfall
from manyeyes.errors import BadRequest
from manyeyes.trace_events import ATTEMPT, PICTURE


class Level(StrEnum):
    """Severity of a line."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


def logs(
    ctx: typer.Context,
    node: Annotated[
        str,
        typer.Argument(
            metavar="NODE", help="Only the lines of this node, or of 'master'.", show_default=False
        ),
    ] = "",
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Show new lines as they come, until Ctrl-C.")
    ] = False,
    since: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Only lines since then, as 10m, 2h, 1d or 2026-11-26T08:00.",
            show_default=False,
        ),
    ] = "",
    level: Annotated[Level | None, typer.Option(help="The lowest level to show.", show_default=False)] = None,
    trace: Annotated[
        str, typer.Option(metavar="ID", help="The trace of one picture, as a waterfall.", show_default=False)
    ] = "",
    text: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="Only lines that contain this text, in any case.", show_default=False
        ),
    ] = "",
    lines: Annotated[
        int,
        typer.Option("-n", "--lines", min=1, max=1000, help="Show at most this many lines, the newest ones."),
    ] = 200,
    verbose: VerboseOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the logs of all machines, the newest line last; with --trace, what happened to one picture.

    Each line is one sentence, and each picture one line; -v shows all facts, and the attempts of each node.
    Every result has a trace id: in results.jsonl, in 'send --json', and beside a picture that failed.
    With --json each line is a JSON document, and a trace is one document.

    Example: manyeyes logs lab-2 --since 10m --level warning
    """
    if trace and follow:
        raise BadRequest("--trace and -f were given; a trace cannot be followed, leave -f out")
    if trace:
        _show_trace(ctx, trace, as_json)
        return
    wanted = {"machine": node, "level": level and level.value, "text": text, "since": since}
    show = print_json_line if as_json else _tell_facts if verbose else _tell_sentence
    brief = not (verbose or as_json)
    with client_of(ctx) as client:
        if follow:
            with closing(client.logs.follow(**wanted, limit=lines, brief=brief)) as found:
                _print(found, show)
            return
        page = client.logs.list(**wanted, limit=lines, brief=brief)
    _print(page.lines, show)
    if not page.lines and not as_json:
        say("no log lines match")


def _print(lines: Iterable[LogLine], show: Callable[[LogLine], None]) -> None:
    for line in lines:
        show(line)


def _tell_facts(line: LogLine) -> None:
    tell(*line_text(line))


def _tell_sentence(line: LogLine) -> None:
    tell(line_sentence(line))


def _show_trace(ctx: typer.Context, trace_id: str, as_json: bool) -> None:
    with client_of(ctx) as client:
        found = client.logs.trace(trace_id.strip().lower())
    if as_json:
        print_json(found)
        return
    print_table(
        ("what", "machine", "ms", "when", "facts"),
        waterfall(found.spans),
        "the picture is still being worked on:",
        text=("facts",),
        drop=("facts", "when"),
        below="facts",
    )
    for line in found.lines:
        if line.event not in (PICTURE, ATTEMPT):
            _tell_facts(line)
