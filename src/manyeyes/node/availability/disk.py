"""How full the disk of a node's data folder is, told anew only when it has changed much."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

LOOK_EVERY_S = 10.0
MUCH = 0.1
"""Of what was told last."""


class DiskWatch:
    """The watch of one node.

    Args:
        usage: (total, used, free) bytes of a folder's disk.
    """

    def __init__(
        self, folder: Path, usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage
    ) -> None:
        self._folder = folder
        self._usage = usage
        self._looked_at = float("-inf")
        self._told = (0, 0)

    def told(self, now: float) -> tuple[int, int]:
        """(free, size) in bytes; looked at every `LOOK_EVERY_S`, the same until `MUCH` has changed.

        Zeros where the disk cannot be looked at.
        """
        if now - self._looked_at < LOOK_EVERY_S:
            return self._told
        self._looked_at = now
        try:
            size, _, free = self._usage(self._folder)
        except OSError:
            self._told = (0, 0)
            return self._told
        if size != self._told[1] or abs(free - self._told[0]) > MUCH * self._told[0]:
            self._told = (free, size)
        return self._told
