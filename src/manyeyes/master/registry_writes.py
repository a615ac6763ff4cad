"""What a master writes of its own accord: while its disk is full or failing it goes on, says so, and writes again later."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from manyeyes.telemetry import log

SAY_AGAIN_S = 60.0


class RegistryWrites:
    """Runs work that writes the registry, or files beside it."""

    def __init__(self) -> None:
        self._said_at: float | None = None
        """When it was last said that the registry cannot be written; None: it can."""

    def attempt(self, work: Callable[[], None]) -> bool:
        """Whether the work was done; False: the registry cannot be written now."""
        try:
            work()
        except (sqlite3.OperationalError, OSError) as error:
            now = time.monotonic()
            if self._said_at is None or now - self._said_at >= SAY_AGAIN_S:
                self._said_at = now
                log().error(
                    "the registry cannot be written; the master goes on, and tries again. Is the disk of its data folder full?",
                    error=str(error),
                )
            return False
        return True

    def worked(self) -> None:
        """The registry was written, so far as is known."""
        if self._said_at is not None:
            self._said_at = None
            log().warning("the registry can be written again")
