"""Processes whose memory is bounded together, as on a small machine: beyond it the system ends one of them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def _hierarchy() -> tuple[Path, str] | None:
    """Where groups that bound memory can be made, and the file that says how much."""
    for folder, limit in ((ROOT / "memory", "memory.limit_in_bytes"), (ROOT, "memory.max")):
        probe = folder / f"manyeyes-{os.getpid()}-probe"
        with contextlib.suppress(OSError):
            probe.mkdir()
            try:
                if (probe / limit).exists():
                    return folder, limit
            finally:
                probe.rmdir()
    return None


def why_no_bound() -> str | None:
    """Why memory cannot be bounded here, or None."""
    return None if _hierarchy() else f"no memory cgroup can be made under {ROOT}; it needs root"


@contextmanager
def bounded_memory(size_bytes: int) -> Iterator[Path | None]:
    """A group of processes that have so much together; who writes its id to `cgroup.procs` there is in it.

    None where this machine has no such groups.
    """
    found = _hierarchy()
    if found is None:
        yield None
        return
    folder, limit = found
    group = folder / f"manyeyes-{os.getpid()}-{time.monotonic_ns()}"
    group.mkdir()
    try:
        (group / limit).write_text(str(size_bytes))
        yield group
    finally:
        for _ in range(50):
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)
