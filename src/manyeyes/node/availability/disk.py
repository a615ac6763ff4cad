"""Measures the disk of a node's data folder, and reports a new value only after a large change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

LOOK_EVERY_S = 10.0
MUCH = 0.1
"""A change is large if it is more than this share of the last reported value."""


class DiskWatch:
    """Measures the free space of a folder's disk, and keeps the reported value until it changes much.

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
        """(free, size) in bytes; measured every `LOOK_EVERY_S` seconds, the same until it changes by more than `MUCH`.

        Zeros if the disk cannot be measured.
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
