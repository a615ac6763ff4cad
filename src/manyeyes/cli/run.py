"""Start and stop the roles."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands that start and stop roles."""
