"""A memory limit (cgroup) for a group of processes, as on a small machine: above it the kernel kills one of them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def _hierarchy() -> tuple[Path, str] | None:
    """The folder where cgroups can limit memory, and the name of the file with the limit; None if there is none."""
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
    """Why memory cannot be limited here, or None."""
    return None if _hierarchy() else f"no memory cgroup can be made under {ROOT}; it needs root"


@contextmanager
def bounded_memory(size_bytes: int) -> Iterator[Path | None]:
    """A cgroup whose processes together have `size_bytes` of memory. A process joins by its id in `cgroup.procs`.

    None if this machine has no such cgroups.
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
