"""`manyeyes settings`: what is in force on the master, and what each setting does."""

from __future__ import annotations

from typing import Annotated

import typer

from manyeyes.cli.output import JsonOption, client_of, print_json, print_table
from manyeyes.wording import binary_size

_KIBIBYTE = 1024


def settings(
    ctx: typer.Context,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only settings that differ from the default.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the settings of the master. To change one, set its environment variable or flag and restart the master.

    Example: manyeyes settings --changed
    """
    with client_of(ctx) as client:
        found = [one for one in client.settings() if one.changed or not changed]
    if as_json:
        print_json(found)
        return
    rows = [
        (one.name, _shown(one.name, one.value), _shown(one.name, one.default), one.sentence) for one in found
    ]
    print_table(
        ("setting", "value", "default", "what it does"),
        rows,
        "every setting has its default value",
        text=("what it does",),
        drop=("what it does", "default"),
        below="what it does",
    )


def _shown(name: str, value: object) -> str:
    """A value as it is set, and a size also in words; `-` for nothing."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    per_s = "/s" if name.endswith("_BYTES_PER_S") else ""
    if (per_s or name.endswith("_BYTES")) and isinstance(value, int | float) and value >= _KIBIBYTE:
        return f"{value} ({binary_size(value)}{per_s})"
    return "-" if value in (None, "") else str(value)
