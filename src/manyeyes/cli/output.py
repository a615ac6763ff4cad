"""Shared by all commands: the client, and all that they print: lines, tables, JSON, and lines on standard error.

Every text for people goes through here and is made harmless: no other module of `cli/` calls `print`. JSON is exact.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel

from manyeyes.cli.streams import ReaderGone, StandardOutput
from manyeyes.cli.tables import indented, lay_out, lines_of, shortened
from manyeyes.errors import BadRequest, FileTrouble, ManyeyesError
from manyeyes.plain_text import harmless, with_bytes_shown
from manyeyes.results import Caution
from manyeyes.wording import duration

if TYPE_CHECKING:
    from manyeyes.sdk.blocking import Client
    from manyeyes.sdk.context import Context

_LEAST_FOR_FIELDS = 48
"""Characters on a line; a narrower terminal breaks the lines itself, and no value is left out."""

_RAW = re.compile(r"[^\n\x20-\x7e]")

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

    return Client(context_of(ctx), waiting=say)


def print_json(value: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> None:
    """Print one JSON document on standard output."""
    if isinstance(value, BaseModel):
        document: Any = value.model_dump()
    elif isinstance(value, dict):
        document = value
    else:
        document = [item.model_dump() for item in value]
    print(
        _exact(json.dumps(document, indent=2, ensure_ascii=not _speaks_unicode(), default=_moment)),
        flush=True,
    )


def json_line(value: BaseModel | dict[str, Any]) -> str:
    """One JSON document on one line, in ASCII."""
    return json.dumps(value if isinstance(value, dict) else value.model_dump(), default=_moment)


def print_json_line(value: BaseModel | dict[str, Any]) -> None:
    """Print one JSON document on one line, at once."""
    print(json_line(value), flush=True)


def _exact(document: str) -> str:
    """JSON that says the same, in which JSON's escapes stand for what a terminal obeys or cannot show."""
    return _RAW.sub(lambda one: one[0] if harmless(one[0]) == one[0] else json.dumps(one[0])[1:-1], document)


def _moment(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def tell(*lines: object) -> None:
    """Print lines for a person on standard output, at once. A line end within a line is shown as an escape."""
    for line in lines:
        print(harmless(str(line)))
    sys.stdout.flush()


def need_output(what: str) -> None:
    """Make sure that somebody can see what is printed once only, before it is made.

    Raises:
        FileTrouble: standard output is closed.
    """
    if isinstance(sys.stdout, StandardOutput) and sys.stdout.was_closed:
        raise FileTrouble(
            f"standard output is closed, and {what} is printed there, once only; nothing was made"
        )


def tell_once(show: Callable[[], None], lost: Callable[[], str]) -> None:
    """Print what cannot be printed again.

    Args:
        show: prints it.
        lost: called if it cannot be printed; says what becomes of it.

    Raises:
        FileTrouble: it cannot be printed.
    """
    try:
        show()
        sys.stdout.flush()
    except (FileTrouble, ReaderGone) as error:
        why = (
            "nobody reads standard output"
            if isinstance(error, ReaderGone)
            else error.detail.partition(";")[0]
        )
        raise FileTrouble(f"{why}; {lost()}") from error


def tell_bytes(stream: str, data: bytes) -> None:
    """Write what a program said to `stdout` or `stderr`, unchanged: as SSH does, it may use colours."""
    target = sys.stdout if stream == "stdout" else sys.stderr
    target.flush()
    target.buffer.write(data)
    target.buffer.flush()


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

    In a pipe each row is one line, with every cell whole. In a terminal that is too narrow, long names lose their middle,
    then columns are left out, and a line on standard error names them; no word is broken.

    Args:
        text: the columns of sentences, which may go over several lines in a terminal.
        drop: the columns that are left out first, in this order; then the last ones.
        below: a column of sentences that goes below its row where there is no room beside it.
    """
    width = terminal_width()
    texts = [columns.index(name) for name in text]
    cells = shortened([[harmless(str(cell)) for cell in row] for row in rows], width, texts)
    if not cells:
        tell(empty)
        return
    layout = lay_out([columns, *cells], width, texts, [columns.index(name) for name in drop])
    for line in lines_of(columns, layout):
        print(f"\033[1m{line}\033[0m" if _has_colours() else line)
    hidden = [name for index, name in enumerate(columns) if index not in layout.columns]
    for row in cells:
        for line in lines_of(row, layout):
            print(line)
        if width is not None and below in hidden and (sentence := row[columns.index(below)]):
            for line in indented(sentence, width):
                print(line)
    sys.stdout.flush()  # before what comes after it on standard error
    hidden = [name for name in hidden if name != below]
    if hidden:
        say(f"a wider terminal also shows {', '.join(hidden)}")


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print a name and a value on each line; in a terminal long values go on below their beginning."""
    cells = [(harmless(str(name)), harmless(str(value))) for name, value in fields]
    width = terminal_width()
    layout = lay_out(cells, None if width is None else max(width, _LEAST_FOR_FIELDS), [1])
    for row in cells:
        for line in lines_of(row, layout):
            print(line)
    sys.stdout.flush()


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
    ask(asked, default=False, abort=True)


def has_person() -> bool:
    """Whether a person at a terminal reads questions and can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, *, default: bool, abort: bool = False) -> bool:
    """Ask a person at the terminal, on standard error; the lines of the question are those of the text.

    Raises:
        typer.Abort: the answer is no, and `abort` is set; or there is none.
    """
    lines = [harmless(line) for line in question.split("\n")]
    return typer.confirm("\n".join(lines), default=default, abort=abort, err=True)


def say(sentence: str, *, over: bool = False) -> None:
    """Print a line for a person, on standard error; `over` what a terminal shows in the current line."""
    print(("\r" if over else "") + harmless(sentence), file=sys.stderr, flush=True)


def say_warnings(warnings: Iterable[Caution]) -> None:
    """Print a line for each warning, on standard error, with the photo that it is about."""
    for warning in warnings:
        about = f"{warning.photo}: " if warning.photo else ""
        say(f"warning: {about}{warning.sentence}")


def say_error(error: ManyeyesError) -> None:
    """Print the one-line error message of a failed command."""
    say(f"error: {with_bytes_shown(' '.join(error.detail.split()))}")


def ago(moment: datetime | None) -> str:
    """How long ago, in the largest unit that fits."""
    if moment is None:
        return "-"
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return f"{duration((datetime.now(UTC) - moment).total_seconds())} ago"


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
