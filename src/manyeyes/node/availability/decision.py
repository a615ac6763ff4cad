"""Decides when a node works, from the desired state, the clock, the machine's other load and its memory; no I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time as TimeOfDay

from manyeyes.config import MEBIBYTE
from manyeyes.contract import Desired
from manyeyes.errors import BadRequest
from manyeyes.node.worker.mode import Mode

PICTURE_BYTES = 128 * MEBIBYTE
"""The least that a worker needs for a picture beyond its size with the pack loaded."""

AGENT_GROWTH_BYTES = 64 * MEBIBYTE
"""Kept free in a container with a limit, for what the agent takes while its workers run."""


@dataclass(frozen=True)
class EffectiveMode:
    """What a node does now, and the reason if it does not work."""

    mode: Mode
    reason: str = ""


@dataclass(frozen=True)
class Hours:
    """Times of day, local, at which a node works; a span may go past midnight."""

    spans: tuple[tuple[TimeOfDay, TimeOfDay], ...]
    text: str

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Read `22:00-07:00`, or several spans with commas between.

        Raises:
            BadRequest: another form, or a span of no length.
        """
        spans = []
        for part in text.split(","):
            found = re.fullmatch(r"\s*(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)\s*", part)
            try:
                if found is None:
                    raise ValueError
                begin = TimeOfDay(int(found[1]), int(found[2]))
                end = TimeOfDay(int(found[3]), int(found[4]))
            except ValueError:
                begin = end = TimeOfDay(0)
            if begin == end:
                raise BadRequest(f"hours {text!r} are not of the form 22:00-07:00 or 12:00-13:00,20:00-06:00")
            spans.append((begin, end))
        return cls(tuple(spans), text.strip())

    def include(self, moment: TimeOfDay) -> bool:
        """Whether a time of day lies within; the end does not."""
        return any(
            begin <= moment < end if begin < end else moment >= begin or moment < end
            for begin, end in self.spans
        )


@dataclass
class IdleWatch:
    """Decides whether the machine is idle: nothing but this node uses it.

    Args:
        busy_share: share of the cores that the node may use; the machine is in use if others use more than this.
        quiet_s: how long it must be idle before the node works.
        busy_s: how long it must be in use before the node stops.
    """

    busy_share: float = 0.2
    quiet_s: float = 60.0
    busy_s: float = 3.0
    idle: bool = False
    _turned_at: float | None = None

    def seen(self, others_share: float, now: float) -> bool:
        """Others used this share of the cores that the node may use; whether the machine counts as idle."""
        if (others_share <= self.busy_share) == self.idle:
            self._turned_at = None
            return self.idle
        if self._turned_at is None:
            self._turned_at = now
        if now - self._turned_at >= (self.busy_s if self.idle else self.quiet_s):
            self.idle, self._turned_at = not self.idle, None
        return self.idle


def effective_mode(
    desired: Desired, hours: Hours | None, moment: TimeOfDay, idle: bool | None
) -> EffectiveMode:
    """What a node does: the operator's desired state goes first, then its own limits.

    Args:
        moment: the machine's local time of day.
        idle: whether the machine is idle; None if the node does not check.
    """
    if desired == "drain":
        return EffectiveMode("empty", "drained by an operator; 'manyeyes nodes resume' brings it back")
    if desired == "pause":
        return EffectiveMode("pause", "paused by an operator; 'manyeyes nodes resume' brings it back")
    if hours is not None and not hours.include(moment):
        return EffectiveMode("empty", f"outside its hours {hours.text}")
    if idle is False:
        return EffectiveMode("pause", "the machine is in use (--when-idle)")
    return EffectiveMode("work")


def parse_bytes(text: str) -> int:
    """Bytes of `800M`, `4G` or `1.5G` (of 1024).

    Raises:
        BadRequest: another form, or zero.
    """
    found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)\s*([MG])(?:i?B)?", text.strip(), re.IGNORECASE)
    size = int(float(found[1]) * MEBIBYTE * (1024 if found[2].upper() == "G" else 1)) if found else 0
    if size == 0:
        raise BadRequest(f"memory {text!r} is not of the form 800M or 4G")
    return size


@dataclass(frozen=True)
class Share:
    """How a node divides its memory."""

    workers: int
    growth_bytes: int
    """What each worker may take beyond its size with the pack loaded."""


def memory_left(limit_bytes: int | None, used_bytes: int) -> int | None:
    """What a container's limit leaves for workers; None: there is no limit.

    Args:
        used_bytes: by everything in the container, before there are workers.
    """
    return None if limit_bytes is None else max(limit_bytes - used_bytes - AGENT_GROWTH_BYTES, 0)


def within_limit(share: Share, left_bytes: int | None, pack_bytes: int) -> Share:
    """The share that a container's limit leaves, and one worker in any case: it may do with less than its pack says.

    Args:
        left_bytes: for all workers together; None: no limit.
    """
    if left_bytes is None or share.workers == 0:
        return share
    fits = divide_memory(left_bytes, share.workers, pack_bytes, share.growth_bytes)
    return fits if fits.workers else Share(1, min(share.growth_bytes, PICTURE_BYTES))


def divide_memory(memory_bytes: int | None, workers: int, pack_bytes: int, growth_bytes: int) -> Share:
    """How many workers fit, and what each may take.

    Args:
        memory_bytes: for all workers together; None: no limit.
        workers: as many as wanted.
        pack_bytes: what the pack says that one worker needs.
        growth_bytes: the most that a worker may have beyond its size with the pack loaded.

    Returns:
        0 workers if not even one fits.
    """
    if memory_bytes is None:
        return Share(workers, growth_bytes)
    fit = min(workers, memory_bytes // (pack_bytes + PICTURE_BYTES))
    if fit == 0:
        return Share(0, growth_bytes)
    return Share(fit, min(growth_bytes, memory_bytes // fit - pack_bytes))
