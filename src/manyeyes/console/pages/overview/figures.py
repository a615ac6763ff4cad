"""The figures at the top: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from manyeyes.api.overview import Overview
from manyeyes.console.wording import count, rate
from manyeyes.wording import duration

NAMES = ("Pictures/s", "Waiting", "Running", "Done", "Failed", "Workers", "People")
HINTS = {
    "Pictures/s": "Answered in the last minute",
    "Waiting": "Pictures that no node works on yet",
    "Running": "Pictures that a node has in hand",
    "Done": "Since the master started",
    "Failed": "Since the master started, refused pictures included",
    "Workers": "Of the nodes that take pictures",
    "People": "Enrolled people",
}
_REASONS = {
    "damaged-picture": "damaged",
    "drawing-failed": "could not be drawn",
    "empty-picture": "empty",
    "no-face": "photo without a face",
    "not-a-picture": "not a picture",
    "picture-kills-workers": "made workers fail",
    "several-faces": "photo with several faces",
    "task-lost": "given up at a stop",
    "too-many-bytes": "too many bytes",
    "too-many-pixels": "too many pixels",
    "unsupported-format": "unsupported format",
}
_REASONS_SHOWN = 3
_SINCE = "since the start"


@dataclass(frozen=True)
class Figure:
    """What a figure is, as `12`, and a few words about it."""

    value: str
    note: str


def figures(now: Overview) -> dict[str, Figure]:
    """Every figure by its name."""
    oldest = f"oldest {duration(now.oldest_waiting_s)}" if now.oldest_waiting_s >= 1 else ""
    values = (
        Figure(rate(now.done_per_s), "last minute"),
        Figure(count(now.tasks["waiting"]), oldest),
        Figure(count(now.tasks["running"]), ""),
        Figure(count(now.tasks["done"]), _SINCE),
        Figure(count(now.tasks["failed"]), of_what(now.failures) or _SINCE),
        Figure(count(now.workers), ""),
        Figure(count(now.people), ""),
    )
    return dict(zip(NAMES, values, strict=True))


def of_what(failures: Mapping[str, int]) -> str:
    """`3 damaged, 1 not a picture`; only the most frequent reasons, empty where nothing failed."""
    reasons = [(_REASONS.get(code, code.replace("-", " ")), number) for code, number in failures.items()]
    told = [f"{count(number)} {reason}" for reason, number in reasons[:_REASONS_SHOWN]]
    if others := sum(number for _, number in reasons[_REASONS_SHOWN:]):
        told.append(f"{count(others)} other")
    return ", ".join(told)
