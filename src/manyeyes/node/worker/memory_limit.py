"""Limits how much memory one picture may use in a worker."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from manyeyes.config import NodeSettings


def bound_memory(growth_bytes: int | None = None) -> None:
    """Let this process grow by at most this many bytes from its current size.

    A library that asks for more is refused and says so, and the picture ends as an error; without this the
    system would kill a process of its own choice. Files that are mapped for reading, as galleries are, do not
    count. None takes `NodeSettings.worker_growth_bytes`.
    """
    if growth_bytes is None:
        growth_bytes = NodeSettings().worker_growth_bytes
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = pages * resource.getpagesize() + growth_bytes
    resource.setrlimit(
        resource.RLIMIT_DATA, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
    )


def end_first() -> None:
    """When the machine runs out of memory, the system ends this process before most others.

    A worker is replaced and its picture goes to another node. That is not so for the agent and the owner's programs.
    """
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


@contextmanager
def unbound_memory() -> Iterator[None]:
    """Lift the limit while a gallery is loaded; the next limit starts from the new size."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    try:
        yield
    finally:
        bound_memory()
