"""`manyeyes packs`: what the nodes run."""

from __future__ import annotations

import typer

app = typer.Typer(help="What the nodes run.", no_args_is_help=True)


@app.callback()
def packs() -> None:
    """What the nodes run."""
