"""One picture to send, or one still of a video."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from manyeyes.api.videos import Still
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
    is_video: bool = False
    """The path is a video, by its first bytes."""
    still: Still | None = None
    """Which still of the video it is; size and time of change are the video's."""
    content: bytes | None = None
    """Of a still that is decoded."""
    taken: datetime | None = None
    """Of a picture that was read: when it was taken, by its camera's clock."""

    @property
    def origin(self) -> str:
        """Its absolute path, the same however its folder was named. If it is a link, it keeps its name."""
        return os.path.join(os.path.realpath(self.path.parent), self.path.name)  # noqa: PTH118
