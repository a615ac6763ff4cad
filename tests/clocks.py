"""Processes that are shown another time of day than the machine's; their monotonic clock stays right."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path


@functools.cache
def faketime() -> str | None:
    """The library that shows a process another time, None where it is not installed."""
    if shutil.which("faketime") is None:
        return None
    shown = subprocess.run(["faketime", "-f", "+0", "env"], capture_output=True, text=True).stdout
    return next(
        (line.split("=", 1)[1] for line in shown.splitlines() if line.startswith("LD_PRELOAD=")), None
    )


def clock(shown: Path, offset: str = "+0") -> dict[str, str]:
    """The environment of a process whose clock is `offset` off, as `+1d`, and follows the file `shown`."""
    shown.write_text(offset)
    return {
        "LD_PRELOAD": faketime() or "",
        "FAKETIME_TIMESTAMP_FILE": str(shown),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def why_no_clock() -> str | None:
    """Why processes cannot be shown another time here, or None."""
    return None if faketime() else "the command `faketime` is missing (Debian: apt-get install faketime)"
