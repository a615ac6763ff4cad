"""Files that outlive a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def flush_to_disk(path: Path) -> None:
    """Write a file's content to the disk; until then the system may have it in memory only."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
