"""How busy this machine is, for the heartbeats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psutil

from manyeyes.cgroups import Machine, read_cpu_used_s, read_machine

_APART_S = 2.0
"""Heartbeats may follow each other within milliseconds; a share of so little time means nothing."""


@dataclass(frozen=True)
class MachineLoad:
    """The processor's busy share since the look before, and the memory in use."""

    cpu_share: float | None = None
    memory_used_bytes: int = 0
    """Of the limit where there is one; 0: not known."""


class LoadWatch:
    """Measures the machine, with everything that runs on it; in a container with limits, the container.

    Args:
        machine: what this process may use.
        cpu_used_s: processor time of the container so far; None if it is not counted.
    """

    def __init__(
        self,
        now: float,
        machine: Callable[[], Machine] = read_machine,
        cpu_used_s: Callable[[], float | None] = read_cpu_used_s,
    ) -> None:
        self._machine, self._cpu_used_s = machine, cpu_used_s
        self._looked_at = now
        self._before = _processor_times()
        self._used_before_s = cpu_used_s()
        self._load = MachineLoad()

    def told(self, now: float) -> MachineLoad:
        """The load as of the last look, which is some 2 s ago at most."""
        if now - self._looked_at >= _APART_S:
            memory, machine = psutil.virtual_memory(), self._machine()
            before, self._before = self._before, _processor_times()
            used_before_s, self._used_before_s = self._used_before_s, self._cpu_used_s()
            passed_s, self._looked_at = now - self._looked_at, now
            share = busy_share(before, self._before)
            if machine.cores_limit and used_before_s is not None and self._used_before_s is not None:
                used_s = self._used_before_s - used_before_s
                share = min(max(used_s / (passed_s * machine.cores_limit), 0.0), 1.0)
            limited = machine.memory_limit_bytes is not None
            used_bytes = machine.memory_used_bytes if limited else memory.total - memory.available
            self._load = MachineLoad(share, used_bytes)
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
