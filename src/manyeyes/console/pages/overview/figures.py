"""The figures at the top: pure."""

from __future__ import annotations

from manyeyes.api.overview import Overview
from manyeyes.console.wording import count, rate, span

NAMES = ("Pictures/s", "Waiting", "Running", "Done", "Failed", "Workers", "People")
HINTS = {
    "Pictures/s": "Answered in the last minute",
    "Waiting": "Pictures that no node works on yet",
    "Running": "Pictures that a node has in hand",
    "Done": "Since the master started",
    "Failed": "Since the master started",
    "Workers": "Of the nodes that take pictures",
    "People": "Enrolled people",
}


def figures(now: Overview) -> dict[str, str]:
    """What each figure is, as `12` or `3, oldest 4 s`."""
    waiting = count(now.tasks["waiting"])
    if now.oldest_waiting_s >= 1:
        waiting += f", oldest {span(now.oldest_waiting_s)}"
    values = (
        rate(now.done_per_s),
        waiting,
        count(now.tasks["running"]),
        count(now.tasks["done"]),
        count(now.tasks["failed"]),
        count(now.workers),
        count(now.people),
    )
    return dict(zip(NAMES, values, strict=True))
