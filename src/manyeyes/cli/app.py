"""The command `manyeyes`: its groups, the option they share, and the place where errors become exit codes."""

from __future__ import annotations

import sys

from manyeyes.cli.signals import heed_from_the_start

heed_from_the_start(sys.argv[1:])  # before the imports below, which take a second

from collections.abc import Sequence  # noqa: E402
from typing import Annotated  # noqa: E402

import typer  # noqa: E402

from manyeyes.cli.loading import LazyGroup  # noqa: E402
from manyeyes.cli.output import say_error  # noqa: E402
from manyeyes.errors import ManyeyesError, StartError  # noqa: E402
from manyeyes.version import VERSION  # noqa: E402

app = typer.Typer(
    name="manyeyes",
    cls=LazyGroup,
    help="One recognition service from the machines you already own.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"manyeyes {VERSION}")
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
        SystemExit: with 0, the exit code of the error's class, or 130 after Ctrl-C.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="manyeyes")
    except ManyeyesError as error:
        say_error(error)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "manyeyes":
            raise
        say_error(
            StartError(
                f"the package {error.name} is not installed here: this machine has only what a node needs; "
                "for a master, or to build packs, install 'manyeyes[master]'"
            )
        )
        sys.exit(StartError.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
