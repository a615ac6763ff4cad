"""Measures how long a picture takes here, and decides when a worker gets one ahead: pure, by the clock it is given."""

from __future__ import annotations

from dataclasses import dataclass

SMOOTHING = 0.2
"""The weight of one picture in the mean."""
LEAST_LEAD_S = 0.25
LEAD_FACTOR = 4.0


@dataclass
class Pace:
    """Measures how long a picture takes, for all workers of a node, and decides when to ask for the next one.

    Sent too early, a picture lies waiting behind another one on a slow node while a fast node is idle; sent too
    late, the worker waits for its bytes.
    """

    benchmark_s: float = 0.0
    """What the pack's own benchmark took, 0: not known."""
    picture_s: float = 0.0
    """The mean of recent pictures, 0: not known."""
    travel_s: float = 0.0
    """What a picture's bytes take on the line, the mean of recent ones."""

    def benchmarked(self, seconds: float) -> None:
        """A worker has run the pack's benchmark."""
        self.benchmark_s = seconds
        self.picture_s = self.picture_s or seconds

    def worked(self, seconds: float) -> None:
        """A worker has ended a picture."""
        self.picture_s = _mean(self.picture_s, seconds)

    def travelled(self, seconds: float) -> None:
        """A picture's bytes have arrived."""
        self.travel_s = _mean(self.travel_s, seconds)

    def ahead_in_s(self, busy_s: float) -> float:
        """Seconds until a worker that has been busy for `busy_s` should have its next picture sent; 0: now."""
        lead_s = max(LEAST_LEAD_S, LEAD_FACTOR * self.travel_s)
        return max(self.picture_s - busy_s - lead_s, 0.0)


def _mean(old: float, new: float) -> float:
    return old + (new - old) * SMOOTHING if old else new
