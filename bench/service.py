"""The service as the measurements run it: `manyeyes up` in a folder of its own, and what its processes use."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from manyeyes.packs.store import ensure_default

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO / "scripts"))

from background import MANYEYES, READY_S, Background, DidNotStart, free_port  # noqa: E402

__all__ = [
    "MANYEYES",
    "READY_S",
    "REPO",
    "Background",
    "DidNotStart",
    "cpu_s",
    "free_port",
    "memory_mb",
    "ports",
    "running",
]

MB = 1_000_000


def role(process: psutil.Process, root: int) -> str:
    """What a process of the service is, read from its command line; `root` is the master's process id."""
    if "nats-server" in process.name():
        return "nats-server"
    words = process.cmdline()
    if process.pid == root:
        return "master"
    if "node" in words:
        return "agent"
    return "worker" if any("worker" in word for word in words) else process.name()


def memory_mb(service: Background) -> list[tuple[str, float]]:
    """Proportional set size of every process of the service, in MB."""
    found = []
    for process in service.family():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            found.append((role(process, service.process.pid), process.memory_full_info().pss / MB))
    return sorted(found)


def cpu_s(service: Background) -> Counter[str]:
    """Processor time that the service has used so far, user and system, in seconds for each role."""
    used: Counter[str] = Counter()
    for process in service.family():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            name, times = role(process, service.process.pid), process.cpu_times()
            used[name] += times.user + times.system
    return used


def ports() -> list[str]:
    """The options that give a master free ports."""
    return ["--https-port", str(free_port()), "--nats-port", str(free_port())]


@contextmanager
def running(
    folder: Path,
    workers: int,
    *,
    pack: Path | None = None,
    program: str = MANYEYES,
    env: Mapping[str, str] | None = None,
) -> Iterator[tuple[Background, Path]]:
    """`manyeyes up`, ready, with its data folder.

    Args:
        pack: what it serves; None takes the default pack, built once and kept.
        program: the command `manyeyes`, of this checkout by default.
        env: added to the environment.
    """
    store = folder / "up"
    if pack is None:
        ready_made = ensure_default(REPO / ".cache")
        shutil.copytree(ready_made, store / "packs" / Path(*ready_made.parts[-2:]))
    chosen = ["--pack", str(pack)] if pack else []
    command = [program, "up", "--data", str(store), *ports(), "--workers", str(workers), *chosen]
    own = {"MANYEYES_CONTEXT": str(store / "context.json"), **(env or {})}
    service = Background.start(command, folder / "up.log", own)
    try:
        service.wait_ready()
        yield service, store
    finally:
        service.stop()
