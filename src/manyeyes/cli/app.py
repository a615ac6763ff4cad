"""The command `manyeyes`: its groups, the option they share, and the place where errors become exit codes."""

from __future__ import annotations

import os
import sys

from manyeyes.cli.first_signals import EXIT_STOPPED, command_ended, heed_from_the_start

_IS_COMMAND = __name__ == "__main__" or os.path.basename(sys.argv[0]) == "manyeyes"  # noqa: PTH119  pathlib takes long
"""Whether this process is a command; else it is a program that imports this module, and its signals are its own."""
if _IS_COMMAND:
    heed_from_the_start(sys.argv[1:])  # before the imports below, which take a second

import tempfile
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from manyeyes.cli import streams
from manyeyes.cli.loading import LazyGroup
from manyeyes.cli.output import say_error, tell
from manyeyes.errors import FileTrouble, ManyeyesError, StartError, first_of
from manyeyes.version import VERSION

app = typer.Typer(
    name="manyeyes",
    cls=LazyGroup,
    help="One recognition service from the machines you already own.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        tell(f"manyeyes {VERSION}")
        raise typer.Exit


@app.callback()
def manyeyes(
    ctx: typer.Context,
    master: Annotated[
        str | None,
        typer.Option(
            envvar="MANYEYES_MASTER",
            metavar="URL",
            help="The master's address, https://HOST:PORT, or https://HOST/PATH behind a proxy; by default the one of 'manyeyes contexts list'.",
        ),
    ] = None,
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version."),
    ] = False,
) -> None:
    """One recognition service from the machines you already own.

    Example: manyeyes up, then: manyeyes send photo.jpg
    """
    ctx.obj = master


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; never returns.

    Raises:
        SystemExit: with 0, the exit code of the error's class, 130 after Ctrl-C, or 141 if nobody reads what it prints.
    """
    streams.prepare()
    status = _run(arguments)
    command_ended(_IS_COMMAND)
    try:
        sys.stdout.flush()
    except (ManyeyesError, streams.ReaderGone) as error:
        status = status or _status(error)
    sys.exit(status)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        app(args=None if arguments is None else list(arguments), prog_name="manyeyes")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException as error:
        return _status(error)
    return 0


def _status(ended_by: BaseException) -> int:
    """Say what ended the command, and return its exit code."""
    command_ended(_IS_COMMAND)
    error = first_of(ended_by)
    if isinstance(error, KeyboardInterrupt):
        return EXIT_STOPPED
    if isinstance(error, streams.ReaderGone):
        return streams.EXIT_READER_GONE
    if isinstance(error, ModuleNotFoundError) and (error.name or "manyeyes").partition(".")[0] != "manyeyes":
        error = StartError(
            f"the package {error.name} is not installed here: this machine has only what a node needs; "
            "for a master, or to build packs, install 'manyeyes[master]'"
        )
    if isinstance(error, FileNotFoundError) and error.filename is None and not streams.has_folder():
        error = FileTrouble("the current folder is deleted; go to another one, and run the command there")
    if isinstance(error, OSError) and error.filename is not None:
        error = FileTrouble(f"{os.fsdecode(error.filename)}: {error.strerror}; name another file or folder")
    if not isinstance(error, ManyeyesError):
        error = ManyeyesError(
            f"a defect of manyeyes: {type(error).__name__}: {error}; please report it, with {_traceback_file(ended_by)}"
        )
    say_error(error)
    return error.exit_code


def _traceback_file(error: BaseException) -> str:
    """Where the traceback of an error is that manyeyes does not know; the traceback itself if no file can be written."""
    text = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="manyeyes-defect-", suffix=".txt", encoding="utf-8",
                                         errors="backslashreplace", delete=False) as file:  # fmt: skip
            file.write(text)
    except OSError:
        return f"this: {text}"
    return f"the file {file.name}"


if __name__ == "__main__":
    main()
