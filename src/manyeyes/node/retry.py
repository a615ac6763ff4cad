"""How long to wait before the next attempt at what failed: pure."""

from __future__ import annotations

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


def pause_after(failures: int, first_s: float = FIRST_PAUSE_S, longest_s: float = LONGEST_PAUSE_S) -> float:
    """Seconds until the next attempt, given how many attempts in a row failed: twice as long each time."""
    return min(first_s * 2.0 ** max(failures - 1, 0), longest_s)
