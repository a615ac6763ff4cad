"""When a worker that ended is started again: pure, by the clock it is given."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.node.retry import doubled

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 30.0


@dataclass
class Backoff:
    """The pause before one worker's next start; doubles with each quick end, resets after a healthy time."""

    quick_ends: int = 0
    restarts: int = 0
    started_at: float = 0.0

    def started(self, now: float) -> None:
        """The worker was started."""
        self.started_at = now

    def ended(self, now: float) -> float:
        """The worker ended by itself or was killed.

        Returns:
            Seconds to wait before the next start.
        """
        self.restarts += 1
        self.quick_ends = 0 if now - self.started_at > HEALTHY_AFTER_S else self.quick_ends + 1
        return doubled(self.quick_ends, FIRST_PAUSE_S, LONGEST_PAUSE_S)
