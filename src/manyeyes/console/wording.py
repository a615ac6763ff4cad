"""How pages write figures and times."""

from __future__ import annotations

from datetime import UTC, datetime

from manyeyes.wording import duration

_HEARD_S = 5.0
"""A node sends a heartbeat every second: within this time the exact second does not matter."""


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that fits; `now` for the last seconds, `never` for None."""
    if moment is None:
        return "never"
    seconds = (now - _utc(moment)).total_seconds()
    return "now" if seconds < _HEARD_S else f"{duration(seconds)} ago"


def exact(moment: datetime | None) -> str:
    """`2026-01-31 13:05:00 UTC`; empty for None."""
    return f"{_utc(moment):%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def count(number: int) -> str:
    """`12,345`."""
    return f"{number:,}"


def rate(per_s: float) -> str:
    """Pictures a second to a sensible digit: `0`, `0.25`, `3.1`, `128`."""
    if per_s <= 0:
        return "0"
    return f"{per_s:.0f}" if per_s >= 100 else f"{per_s:.1f}" if per_s >= 1 else f"{per_s:.2g}"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
