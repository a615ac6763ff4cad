"""How long a picture takes here, and when the next one should be asked for: pure, by the clock it is given."""

from __future__ import annotations

from dataclasses import dataclass

SMOOTHING = 0.2
"""The part that one picture has in the mean."""
LEAST_LEAD_S = 0.25
LEAD_FACTOR = 4.0


@dataclass
class Pace:
    """One for all workers of a node.

    Asked for too early, a picture lies waiting behind another one on a slow node while a fast node is idle; asked
    for too late, the worker waits for its bytes.
    """

    benchmark_s: float = 0.0
    """What the pack's own benchmark took, 0: not known."""
    picture_s: float = 0.0
    """The mean of late, 0: not known."""
    fetch_s: float = 0.0
    """What a claim and its bytes take, the mean of late."""
    pause_until: float = 0.0

    def benchmarked(self, seconds: float) -> None:
        """A worker has run the pack's benchmark."""
        self.benchmark_s = seconds
        self.picture_s = self.picture_s or seconds

    def worked(self, seconds: float) -> None:
        """A worker has ended a picture."""
        self.picture_s = _mean(self.picture_s, seconds)

    def fetched(self, seconds: float) -> None:
        """A picture's bytes have arrived."""
        self.fetch_s = _mean(self.fetch_s, seconds)

    def told_to_wait(self, seconds: float, now: float) -> None:
        """The master would rather give the next picture to another node."""
        self.pause_until = max(self.pause_until, now + seconds)

    def ask_in_s(self, busy_s: float | None, now: float) -> float:
        """Seconds until a worker that has been busy for `busy_s` (None: is idle) should have the next one asked for."""
        pause_s = max(self.pause_until - now, 0.0)
        if busy_s is None:
            return pause_s
        lead_s = max(LEAST_LEAD_S, LEAD_FACTOR * self.fetch_s)
        return max(self.picture_s - busy_s - lead_s, pause_s)


def _mean(old: float, new: float) -> float:
    return old + (new - old) * SMOOTHING if old else new
