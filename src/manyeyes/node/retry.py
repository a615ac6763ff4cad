"""How long to wait before the next attempt at what failed: pure."""

from __future__ import annotations

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


def pause_after(failures: int) -> float:
    """Seconds until the next attempt, given how many attempts in a row failed."""
    return doubled(failures, FIRST_PAUSE_S, LONGEST_PAUSE_S)


def doubled(failures: int, first_s: float, longest_s: float) -> float:
    """A pause that is twice as long after each failure in a row."""
    return min(first_s * 2.0 ** max(failures - 1, 0), longest_s)
