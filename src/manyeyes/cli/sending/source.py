"""One picture to send."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from manyeyes.errors import ManyeyesError


@dataclass(frozen=True)
class Source:
    """One picture to send, or why it cannot be sent."""

    path: Path
    relative: str
    """Its name below OUT, with `/` between folders."""
    size_bytes: int = 0
    mtime_ns: int = 0
    trouble: ManyeyesError | None = None
