"""How much of the machine this process may use: cores it may run on, and the limits of its control groups (v1 and v2).

A container has such limits, and still sees all cores and all memory of the machine in /proc.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_V2 = ""
"""The key of the one tree of version 2; in version 1 each controller has a tree."""
_V1 = ("cpu", "cpuacct", "memory")


@dataclass(frozen=True)
class Group:
    """The control group of a process in one tree."""

    top: PurePosixPath
    """Where the tree is mounted: in a container, its own group or the machine's root."""
    own: PurePosixPath

    def upwards(self) -> Iterator[PurePosixPath]:
        """The folder of the group, then those of the groups around it, as far as they are seen."""
        folder = self.own
        while folder.is_relative_to(self.top):
            yield folder
            if folder == folder.parent:
                return
            folder = folder.parent


@dataclass(frozen=True)
class GroupLimits:
    """The lowest limits of a process' groups; None: there is none."""

    cores: float | None = None
    """A CPU quota, in cores."""
    memory_bytes: int | None = None
    memory_used_bytes: int = 0
    """By all processes in the group with that limit, without files that the system can drop."""


@dataclass(frozen=True)
class Machine:
    """What there is, and what of it this process may use."""

    cores: int
    memory_bytes: int
    usable_cores: float
    usable_memory_bytes: int
    memory_used_bytes: int = 0
    """Of the usable memory, where that is less than all; 0: not known."""

    @property
    def workers(self) -> int:
        """How many processes of one thread each use all of it: 1 for half a core."""
        return max(1, math.ceil(self.usable_cores - 1e-6))

    @property
    def cores_limit(self) -> float | None:
        """The usable cores; None if they are all."""
        return self.usable_cores if self.usable_cores < self.cores else None

    @property
    def memory_limit_bytes(self) -> int | None:
        """The usable memory; None if it is all."""
        return self.usable_memory_bytes if self.usable_memory_bytes < self.memory_bytes else None


def machine_within(limits: GroupLimits, cores: int, allowed_cores: int, memory_bytes: int) -> Machine:
    """What a process may use.

    Args:
        cores: of the machine.
        allowed_cores: on which the process may run (its affinity).
        memory_bytes: of the machine.
    """
    return Machine(
        cores=max(cores, allowed_cores),
        memory_bytes=memory_bytes,
        usable_cores=min(float(allowed_cores), limits.cores or math.inf),
        usable_memory_bytes=min(memory_bytes, limits.memory_bytes or memory_bytes),
        memory_used_bytes=limits.memory_used_bytes,
    )


def groups(cgroup: str, mountinfo: str) -> dict[str, Group]:
    """The groups of a process: by controller in version 1, under an empty name in version 2.

    Args:
        cgroup: the text of `/proc/self/cgroup`.
        mountinfo: the text of `/proc/self/mountinfo`.
    """
    paths: dict[str, str] = {}
    for line in cgroup.splitlines():
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path)
    found: dict[str, Group] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        root, top = map(_unescaped, before.split(" ")[3:5])
        named = {"cgroup2": [_V2], "cgroup": [name for name in _V1 if name in options.split(",")]}
        for name in named.get(kind, []):
            if name in paths and name not in found:
                found[name] = Group(PurePosixPath(top), _below(PurePosixPath(top), root, paths[name]))
    return found


def _below(top: PurePosixPath, root: str, path: str) -> PurePosixPath:
    """The folder of a group in a tree of which `root` is mounted at `top`."""
    below = PurePosixPath(path)
    # the mount shows this process' group and no more
    if ".." in below.parts or not below.is_relative_to(root):
        return top
    return top / below.relative_to(root)


def _unescaped(text: str) -> str:
    for letter in " \t\n\\":
        text = text.replace(f"\\{ord(letter):03o}", letter)
    return text


def read_limits(root: Path = Path("/")) -> GroupLimits:
    """The limits of this process, from the files below `root`; what cannot be read limits nothing."""
    found = _own_groups(root)
    quotas: list[float] = []
    memory: list[tuple[int, Path]] = []
    for name, group in found.items():
        for inner in group.upwards():
            folder = root / inner.relative_to("/")
            quotas += _quota(folder, name)
            memory += [(most, folder) for most in _most_memory(folder, name)]
    lowest = min(memory, default=None)
    return GroupLimits(
        cores=min(quotas, default=None),
        memory_bytes=lowest[0] if lowest else None,
        memory_used_bytes=_memory_used(lowest[1]) if lowest else 0,
    )


def _own_groups(root: Path) -> dict[str, Group]:
    return groups(_text(root / "proc/self/cgroup"), _text(root / "proc/self/mountinfo"))


def read_machine(root: Path = Path("/")) -> Machine:
    """What this process may use."""
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return machine_within(read_limits(root), os.cpu_count() or 1, len(os.sched_getaffinity(0)), memory_bytes)


def read_cpu_used_s(root: Path = Path("/")) -> float | None:
    """Processor time of all processes in this process' group so far, in seconds; None if it is not counted."""
    found = _own_groups(root)
    if (group := found.get("cpuacct")) and (
        spent := _text(root / (group.own / "cpuacct.usage").relative_to("/"))
    ):
        return int(spent) / 1e9
    if group := found.get(_V2):
        spent_us = _fields(_text(root / (group.own / "cpu.stat").relative_to("/"))).get("usage_usec")
        return spent_us / 1e6 if spent_us is not None else None
    return None


def _quota(folder: Path, controller: str) -> list[float]:
    """The quota of one group, in cores; nothing if it has none."""
    if controller == _V2:
        words = _text(folder / "cpu.max").split()
    elif controller == "cpu":
        words = [_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    else:
        return []
    if len(words) != 2 or not all(word.isdigit() for word in words) or int(words[1]) == 0:  # `max`, `-1`
        return []
    return [int(words[0]) / int(words[1])]


def _most_memory(folder: Path, controller: str) -> list[int]:
    """The memory limit of one group in bytes; nothing if it has none."""
    files = {_V2: "memory.max", "memory": "memory.limit_in_bytes"}
    text = _text(folder / files[controller]).strip() if controller in files else ""
    return [int(text)] if text.isdigit() else []


def _memory_used(folder: Path) -> int:
    used = _text(folder / "memory.current") or _text(folder / "memory.usage_in_bytes")
    facts = _fields(_text(folder / "memory.stat"))
    dropped = facts.get("total_inactive_file", facts.get("inactive_file", 0))
    return max(int(used) - dropped, 0) if used.strip().isdigit() else 0


def _fields(text: str) -> dict[str, int]:
    words = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in words if len(pair) == 2 and pair[1].isdigit()}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
