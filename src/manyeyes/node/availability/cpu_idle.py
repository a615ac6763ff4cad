"""Measures how much of the processor time that this process may use other programs take."""

from __future__ import annotations

import contextlib
import os

import psutil

from manyeyes.cgroups import read_machine


def share_taken(others_cores: float, cores: float, usable_cores: float) -> float:
    """The share, 0 to 1, of the cores that this process may use which other programs leave no room for.

    Args:
        others_cores: how many cores other programs use.
        cores: on which this process may run.
        usable_cores: how many of them it may use at once; a quota makes them fewer.
    """
    free_cores = min(max(cores - max(others_cores, 0.0), 0.0), usable_cores)
    return 1.0 - free_cores / usable_cores


class OthersUse:
    """Processor time of the machine's cores on which this process may run, less its own and its children's, between two looks."""

    def __init__(self) -> None:
        self._self = psutil.Process()
        self._before = self._now()

    def share(self) -> float:
        """The share of the cores that this process may use, 0 to 1, since the last look."""
        before, now = self._before, self._now()
        self._before = now
        passed = now[1] - before[1]
        if passed <= 0:
            return 0.0
        own = max(now[2] - before[2], 0.0)
        cores = len(os.sched_getaffinity(0))
        others_cores = cores * (now[0] - before[0] - own) / passed
        return share_taken(others_cores, cores, read_machine().usable_cores)

    def _now(self) -> tuple[float, float, float]:
        each = psutil.cpu_times(percpu=True)
        allowed = [each[index] for index in os.sched_getaffinity(0) if index < len(each)]
        looked_at = allowed or each
        total = sum(sum(times[:8]) for times in looked_at)
        left_alone = sum(times.idle + getattr(times, "iowait", 0.0) + times.nice for times in looked_at)
        own = 0.0
        for process in [self._self, *self._self.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                spent = process.cpu_times()
                own += spent.user + spent.system
        return total - left_alone, total, own
