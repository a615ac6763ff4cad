"""The progress bar for building a pack."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from manyeyes.cli.output import say


class BuildBar:
    """Shows the progress while the default pack is built; shows nothing if the pack exists already.

    It writes to standard error alone, which a role outlives where it is a file on a full disk.
    """

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        console = Console(stderr=True)
        self._bar = Progress(*columns, transient=True, console=console, disable=not console.is_terminal)
        self._task: Any = None

    def __call__(self, step: str, fraction: float) -> None:
        if self._task is None:
            say("building the default pack (only once)")
            if sys.stdout.isatty():
                self._bar.start()
            self._task = self._bar.add_task(step, total=1.0)
        self._bar.update(self._task, description=step, completed=fraction)

    def stop(self) -> None:
        if self._bar.live.is_started:
            self._bar.stop()
