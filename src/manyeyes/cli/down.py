"""`manyeyes down`: ends everything that runs from a data folder."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from manyeyes.cli.output import say
from manyeyes.cli.role_options import DataOption, folder_of
from manyeyes.cli.uninstalling.running import processes
from manyeyes.datafolder import holder
from manyeyes.errors import Unavailable

_END_S = 60.0
_CHILDREN_S = 5.0
"""After its master or node a process of theirs ends by itself within this time; then it is killed."""
_LOOK_S = 0.1
_MODULES = {
    "manyeyes.node.worker.main": "a worker",
    "manyeyes.node.gallery.compaction": "a compaction of the gallery",
    "manyeyes.packs.apart": "a build of a pack",
}


@dataclass(frozen=True)
class Member:
    """A process that belongs to a data folder."""

    process: int
    what: str

    def __str__(self) -> str:
        return f"{self.what} (process {self.process})"


def down(data: DataOption = None) -> None:
    """Stop all that runs from the data folder, master, node and workers, and wait until it has stopped.

    A node finishes the pictures in hand or returns them, and leaves; no master is needed for that.

    Example: manyeyes down
    """
    folder = folder_of(data)
    roles, rest = _roles(folder) or _starting(folder), _children(folder)
    if not roles and not rest:
        raise Unavailable(
            f"no master and no node runs with the data folder {folder}; name another with --data"
        )
    master_s_node = [one for one in roles[1:] if _parent(one.process) == roles[0].process]
    for one in roles:
        if one not in master_s_node:  # its master stops it, and a second signal would be taken for haste
            _send(one.process, signal.SIGTERM)
    if left := _wait(lambda: [one for one in roles if is_running(one.process)], _END_S):
        raise Unavailable(
            f"{named(left)} still runs {_END_S:.0f} s after it was asked to stop; see what it waits for in its log"
        )
    for one in _wait(lambda: _orphans(folder), _CHILDREN_S):
        _send(one.process, signal.SIGKILL)
    if left := _wait(lambda: _orphans(folder), _CHILDREN_S):
        raise Unavailable(f"{named(left)} cannot be stopped; look at it with 'ps -fp {left[0].process}'")
    say(f"stopped: {named(roles or rest)}")


def named(members: Sequence[Member]) -> str:
    """All of them in one line."""
    return ", ".join(map(str, members))


def _roles(folder: Path) -> list[Member]:
    """The master that holds the folder, then its node; or the node alone that does."""
    below = folder / "node"
    node = "the node" if (folder / "membership.json").exists() else "the master"
    found = [(holder(folder), node), (holder(below), "the node")]
    return [Member(process, what) for process, what in found if process is not None]


def _starting(folder: Path) -> list[Member]:
    """A master or node that has begun to start and does not hold its folder yet: that takes it some seconds."""
    where = Path(os.path.normpath(folder))
    return [
        Member(one.process, "the node" if one.role == "node" else "the master")
        for one in processes()
        if one.data == where
    ]


def _orphans(folder: Path) -> list[Member]:
    """What is left of a master and a node that have ended; nothing if others were started in the folder meanwhile."""
    return [] if _roles(folder) else _children(folder)


def _children(folder: Path) -> list[Member]:
    """The engine, workers and other processes of this user that work in the folder for a master or a node."""
    import psutil

    found = []
    for one in psutil.process_iter():
        try:
            if os.getuid() in (0, one.uids().real) and (what := work_of(folder, one.cmdline())):
                found.append(Member(one.pid, what))
        except psutil.Error:
            continue
    return found


def work_of(folder: Path, command: Sequence[str]) -> str:
    """What a process with this command line does for the master or the node of a folder; empty: nothing."""
    if not _inside(folder, command[1:]):
        return ""
    if Path(command[0]).name == "nats-server":
        return "nats-server"
    module = next(iter(command[command.index("-m") + 1 :]), "") if "-m" in command else ""
    return _MODULES.get(module, "")


def _inside(folder: Path, words: Iterable[str]) -> bool:
    return any(word.startswith("/") and Path(os.path.normpath(word)).is_relative_to(folder) for word in words)


def is_running(process: int) -> bool:
    """Whether the process has not ended; one that only waits for its parent to notice its end has."""
    import psutil

    try:
        return psutil.Process(process).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def _parent(process: int) -> int:
    import psutil

    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(process).ppid())
    return 0


def _send(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def _wait(left: Callable[[], list[Member]], most_s: float) -> list[Member]:
    """Wait until nothing is left; what still is after `most_s`."""
    end = time.monotonic() + most_s
    while (still := left()) and time.monotonic() < end:
        time.sleep(_LOOK_S)
    return still
