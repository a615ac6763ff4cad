"""What is due when the master's clock ticks: pure, by the times it is given."""

from __future__ import annotations

from dataclasses import dataclass

TICK_S = 0.5
STOOD_STILL_S = 1.0
"""A tick that is this late means that the process was frozen, not that the nodes were silent."""
RECORD_EVERY_S = 10.0
BROADCAST_EVERY_S = 1.0


@dataclass(frozen=True)
class Due:
    """What one tick has to do beside looking at the nodes."""

    stood_still_s: float
    """For how long this master did nothing; 0 if the tick came in time."""
    broadcast: bool
    record: bool


class Schedule:
    """Remembers when each regular job was last done, and decides what is due.

    Args:
        now: by the monotonic clock, as all times here.
    """

    def __init__(self, now: float) -> None:
        self._ticked_at = now
        self._recorded_at = float("-inf")

    def tick(self, now: float, broadcast_at: float) -> Due:
        """The clock ticks.

        Args:
            broadcast_at: when the last broadcast was sent, for whatever reason.
        """
        late_s = now - self._ticked_at - TICK_S
        self._ticked_at = now
        record = now - self._recorded_at > RECORD_EVERY_S
        if record:
            self._recorded_at = now
        return Due(
            stood_still_s=late_s if late_s > STOOD_STILL_S else 0.0,
            broadcast=now - broadcast_at >= BROADCAST_EVERY_S,
            record=record,
        )
