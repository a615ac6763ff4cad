"""Fake clocks (libfaketime) for processes: another time of day than the machine's, and a correct monotonic clock."""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path


@functools.cache
def faketime() -> str | None:
    """The path of libfaketime, for LD_PRELOAD; None if it is not installed."""
    if shutil.which("faketime") is None:
        return None
    shown = subprocess.run(["faketime", "-f", "+0", "env"], capture_output=True, text=True).stdout
    return next(
        (line.split("=", 1)[1] for line in shown.splitlines() if line.startswith("LD_PRELOAD=")), None
    )


def clock(shown: Path, offset: str = "+0") -> dict[str, str]:
    """The environment of a process whose clock is off by `offset`, such as `+1d`, until `shown` gets another offset."""
    shown.write_text(offset)
    return {
        "LD_PRELOAD": faketime() or "",
        "FAKETIME_TIMESTAMP_FILE": str(shown),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def why_no_clock() -> str | None:
    """Why clocks cannot be faked here, or None."""
    return None if faketime() else "the command `faketime` is missing (Debian: apt-get install faketime)"
