"""How figures and times are worded, in a terminal and on a page."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """`12 s`, `3 min`, `5 h`, `2 d`: a time in the largest unit that fits, rounded down; at least 0 s."""
    seconds = max(0.0, seconds)
    for unit, length_s, until_s in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < until_s:
            return f"{seconds // length_s:.0f} {unit}"
    return f"{seconds // 86_400:.0f} d"


def several(number: int, one: str, many: str = "") -> str:
    """`1 node`, `2,000 nodes`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
