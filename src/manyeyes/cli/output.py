"""Shared by all commands: the client, tables, JSON, and lines on standard error."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel

from manyeyes.cli.tables import indented, lay_out, lines_of, plain
from manyeyes.errors import BadRequest, ManyeyesError
from manyeyes.wording import duration

if TYPE_CHECKING:
    from manyeyes.sdk.blocking import Client
    from manyeyes.sdk.context import Context

_LEAST_FOR_FIELDS = 48
"""Characters on a line; a narrower terminal breaks the lines itself, and no value is left out."""

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show every detail.")]


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


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    empty: str,
    *,
    text: Sequence[str] = (),
    drop: Sequence[str] = (),
    below: str = "",
) -> None:
    """Print a table, or the sentence `empty` if there are no rows.

    In a pipe each row is one line. In a terminal that is too narrow, columns are left out, and a line on standard error
    names them; no word is broken.

    Args:
        text: the columns of sentences, which may go over several lines in a terminal.
        drop: the columns that are left out first, in this order; then the last ones.
        below: a column of sentences that goes below its row where there is no room beside it.
    """
    cells = [tuple(map(plain, row)) for row in rows]
    if not cells:
        print(empty)
        return
    width = terminal_width()
    layout = lay_out(
        [tuple(columns), *cells],
        width,
        [columns.index(name) for name in text],
        [columns.index(name) for name in drop],
    )
    for line in lines_of(columns, layout):
        print(f"\033[1m{line}\033[0m" if _has_colours() else line)
    hidden = [name for index, name in enumerate(columns) if index not in layout.columns]
    for row in cells:
        for line in lines_of(row, layout):
            print(line)
        if width is not None and below in hidden:
            for line in indented(row[columns.index(below)], width):
                print(line)
    hidden = [name for name in hidden if name != below]
    if hidden:
        say(f"a wider terminal also shows {', '.join(hidden)}")


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print a name and a value on each line; in a terminal long values go on below their beginning."""
    cells = [(plain(name), plain(value)) for name, value in fields]
    width = terminal_width()
    layout = lay_out(cells, None if width is None else max(width, _LEAST_FOR_FIELDS), [1])
    for row in cells:
        for line in lines_of(row, layout):
            print(line)


def terminal_width() -> int | None:
    """How many characters fit on a line of the terminal; None if standard output is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _has_colours() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def confirm(yes: bool, question: Callable[[], str], why: str = "this cannot be undone") -> None:
    """Go on only if a person at the terminal says so, or `--yes` was given.

    Args:
        question: makes the question; it asks the master first, so that a name that does not exist is an error at once.
        why: why it asks, for the error.

    Raises:
        BadRequest: there is no terminal to ask at.
        typer.Abort: the answer is no.
    """
    if yes:
        return
    asked = question()
    if not has_person():
        raise BadRequest(f"{why}, and there is no terminal to ask at; add --yes")
    typer.confirm(asked, abort=True, err=True)


def has_person() -> bool:
    """Whether a person at a terminal reads questions and can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


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


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
