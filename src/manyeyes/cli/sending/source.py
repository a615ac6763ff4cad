"""One picture to send."""

from __future__ import annotations

import os
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

    @property
    def origin(self) -> str:
        """Its absolute path, the same however its folder was named. If it is a link, it keeps its name."""
        return os.path.join(os.path.realpath(self.path.parent), self.path.name)  # noqa: PTH118
