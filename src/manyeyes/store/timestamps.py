"""Times as they stand in the rows."""

from __future__ import annotations

from datetime import UTC, datetime


def now_iso() -> str:
    """This moment, ISO 8601 in UTC, seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
