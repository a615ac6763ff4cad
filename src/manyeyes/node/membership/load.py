"""How busy this machine is, for the heartbeats."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

_APART_S = 2.0
"""Heartbeats may follow each other within milliseconds; a share of so little time means nothing."""


@dataclass(frozen=True)
class MachineLoad:
    """The processor's busy share since the look before, and the memory in use."""

    cpu_share: float | None = None
    memory_used_bytes: int = 0


class LoadWatch:
    """Measures the machine, with everything that runs on it."""

    def __init__(self, now: float) -> None:
        self._looked_at = now
        self._before = _processor_times()
        self._load = MachineLoad()

    def told(self, now: float) -> MachineLoad:
        """The load as of the last look, which is some 2 s ago at most."""
        if now - self._looked_at >= _APART_S:
            memory = psutil.virtual_memory()
            before, self._before, self._looked_at = self._before, _processor_times(), now
            share = busy_share(before, self._before)
            self._load = MachineLoad(share, memory.total - memory.available)
        return self._load


def busy_share(before: tuple[float, float], after: tuple[float, float]) -> float | None:
    """The share, 0 to 1, of the processor time between two looks that was not idle; None where no time passed.

    Args:
        before, after: seconds of all cores that were idle, and all seconds.
    """
    passed = after[1] - before[1]
    return min(max(1.0 - (after[0] - before[0]) / passed, 0.0), 1.0) if passed > 0 else None


def _processor_times() -> tuple[float, float]:
    times = psutil.cpu_times()
    # the kernel counts a guest's time in `user` too
    return times.idle + getattr(times, "iowait", 0.0), sum(times[:8])
