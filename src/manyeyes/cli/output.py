"""Shared by all commands: the client, tables, JSON, and lines on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel

from manyeyes.errors import BadRequest, ManyeyesError

if TYPE_CHECKING:
    from manyeyes.sdk.blocking import Client
    from manyeyes.sdk.context import Context

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show every detail.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def context_of(ctx: typer.Context) -> Context:
    """The context of the master that the command line or the stored context names."""
    from manyeyes.sdk.context import find_context

    root = ctx.find_root()
    return find_context(root.obj if isinstance(root.obj, str) else None)


def client_of(ctx: typer.Context) -> Client:
    """A blocking client for the master of `context_of`."""
    from manyeyes.sdk.blocking import Client

    return Client(context_of(ctx))


def print_json(value: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> None:
    """Print one JSON document on standard output."""
    if isinstance(value, BaseModel):
        plain: Any = value.model_dump()
    elif isinstance(value, dict):
        plain = value
    else:
        plain = [item.model_dump() for item in value]
    print(json.dumps(plain, indent=2, ensure_ascii=not _speaks_unicode(), default=_moment))


def json_line(value: BaseModel) -> str:
    """One JSON document on one line."""
    return json.dumps(value.model_dump(), default=_moment)


def _moment(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print a table, or the sentence `empty` if there are no rows. Cells are only cut to fit a terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 10_000)
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    if table.row_count:
        console.print(table)
    else:
        print(empty)


def confirm(yes: bool, question: Callable[[], str]) -> None:
    """Go on only if a person at the terminal says so, or `--yes` was given.

    Args:
        question: makes the question, which may ask the master first.

    Raises:
        BadRequest: there is no terminal to ask at.
        typer.Abort: the answer is no.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BadRequest("this cannot be undone, and there is no terminal to ask at; add --yes")
    typer.confirm(question(), abort=True, err=True)


def say(sentence: str) -> None:
    """Print a line for a person, on standard error."""
    print(sentence, file=sys.stderr, flush=True)


def say_error(error: ManyeyesError) -> None:
    """Print the one-line error message of a failed command."""
    say(f"error: {' '.join(error.detail.split())}")


def ago(moment: datetime | None) -> str:
    """How long ago, in the largest unit that fits."""
    if moment is None:
        return "-"
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return f"{duration((datetime.now(UTC) - moment).total_seconds())} ago"


def duration(seconds: float) -> str:
    """A duration as `12 s`, `3 min`, `5 h` or `2 d`."""
    seconds = max(0.0, seconds)
    for unit, length_s, until_s in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < until_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
