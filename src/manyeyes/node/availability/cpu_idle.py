"""Measures how much of this machine's processor time other programs use."""

from __future__ import annotations

import contextlib

import psutil


class OthersUse:
    """Processor time of the whole machine less this process and its children, between two looks."""

    def __init__(self) -> None:
        self._self = psutil.Process()
        self._before = self._now()

    def share(self) -> float:
        """The share of all cores, 0 to 1, since the last look."""
        before, now = self._before, self._now()
        self._before = now
        passed = now[1] - before[1]
        if passed <= 0:
            return 0.0
        own = max(now[2] - before[2], 0.0)
        return min(max((now[0] - before[0] - own) / passed, 0.0), 1.0)

    def _now(self) -> tuple[float, float, float]:
        times = psutil.cpu_times()
        total = sum(times[:8])
        left_alone = times.idle + getattr(times, "iowait", 0.0)
        own = 0.0
        for process in [self._self, *self._self.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                spent = process.cpu_times()
                own += spent.user + spent.system
        return total - left_alone - times.nice, total, own
