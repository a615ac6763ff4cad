"""In a container: its limits are seen in either version of control groups, followed, and shown beside what the machine has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from manyeyes import contract
from manyeyes.api.nodes import Node
from manyeyes.cgroups import Group, GroupLimits, groups, machine_within, read_cpu_used_s, read_limits
from manyeyes.cli.nodes import _machine
from manyeyes.console.pages.nodes import facts
from manyeyes.node.availability.cpu_idle import share_taken
from manyeyes.node.availability.decision import (
    AGENT_GROWTH_BYTES,
    PICTURE_BYTES,
    Share,
    memory_left,
    within_limit,
)
from manyeyes.node.membership import load
from manyeyes.node.membership.load import LoadWatch

MB = 1_000_000
UNLIMITED_V1 = "9223372036854771712\n"
V1 = """\
24 1 0:22 / /proc rw - proc proc rw
32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct ro,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 {root} /sys/fs/cgroup/memory ro,relatime - cgroup cgroup rw,memory
"""
V2 = "30 29 0:26 {root} /sys/fs/cgroup ro,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
OWN_V1 = "9:memory:{path}\n2:cpu,cpuacct:{path}\n0::/\n"


def tree(root: Path, mountinfo: str, cgroup: str, files: Mapping[str, str]) -> Path:
    """The files of a machine, below `root`."""
    texts = {"proc/self/mountinfo": mountinfo, "proc/self/cgroup": cgroup}
    texts |= {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("mountinfo", "cgroup", "files", "cores", "used_s"),
    [
        (
            V1.format(root="/docker/a1"),
            OWN_V1.format(path="/docker/a1"),
            {
                "cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
                "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
                "cpu,cpuacct/cpuacct.usage": "1500000000\n",
                "memory/memory.limit_in_bytes": f"{700 * MB}\n",
                "memory/memory.usage_in_bytes": f"{300 * MB}\n",
                "memory/memory.stat": f"cache 9\ninactive_file 1\ntotal_inactive_file {100 * MB}\n",
            },
            0.5,
            1.5,
        ),
        (
            V2.format(root="/"),
            "0::/\n",
            {
                "cpu.max": "150000 100000\n",
                "cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
                "memory.max": f"{700 * MB}\n",
                "memory.current": f"{300 * MB}\n",
                "memory.stat": f"anon 9\ninactive_file {100 * MB}\n",
            },
            1.5,
            2.5,
        ),
    ],
    ids=["version 1", "version 2"],
)
def test_a_container(
    tmp_path: Path, mountinfo: str, cgroup: str, files: dict[str, str], cores: float, used_s: float
) -> None:
    root = tree(tmp_path, mountinfo, cgroup, files)
    assert read_limits(root) == GroupLimits(cores, 700 * MB, 200 * MB)
    assert read_cpu_used_s(root) == used_s


def test_the_lowest_limit_of_the_groups_around_holds(tmp_path: Path) -> None:
    """As of a service in a slice: systemd limits either."""
    root = tree(
        tmp_path,
        V2.format(root="/"),
        "0::/a.slice/b.service/inner\n",
        {
            "a.slice/cpu.max": "max 100000\n",
            "a.slice/memory.max": f"{500 * MB}\n",
            "a.slice/memory.current": f"{400 * MB}\n",
            "a.slice/b.service/cpu.max": "200000 100000\n",
            "a.slice/b.service/memory.max": f"{700 * MB}\n",
            "a.slice/b.service/inner/cpu.max": "300000 100000\n",
            "a.slice/b.service/inner/memory.max": "max\n",
            "other.slice/memory.max": "1\n",
        },
    )
    assert read_limits(root) == GroupLimits(2.0, 500 * MB, 400 * MB)


@pytest.mark.parametrize(
    ("mountinfo", "cgroup", "files"),
    [
        ("", "", {}),
        (V2.format(root="/"), "0::/x\n", {"x/cpu.max": "max 100000\n", "x/memory.max": "max\n"}),
        (V2.format(root="/"), "0::/x\n", {"x/cpu.max": "", "x/memory.max": "nonsense\n"}),
        (V1.format(root="/"), OWN_V1.format(path="/"), {"cpu,cpuacct/cpu.cfs_quota_us": "-1\n"}),
    ],
)
def test_where_nothing_is_limited_nothing_is(
    mountinfo: str, cgroup: str, files: dict[str, str], tmp_path: Path
) -> None:
    assert read_limits(tree(tmp_path, mountinfo, cgroup, files)) == GroupLimits()


def test_a_limit_above_what_the_machine_has_is_none(tmp_path: Path) -> None:
    files = {"memory/memory.limit_in_bytes": UNLIMITED_V1}
    found = read_limits(tree(tmp_path, V1.format(root="/"), OWN_V1.format(path="/"), files))
    machine = machine_within(found, 2, 2, 8000 * MB)
    assert (machine.cores_limit, machine.memory_limit_bytes, machine.workers) == (None, None, 2)


def test_where_a_group_lies_in_what_is_mounted() -> None:
    spaces = V2.format(root="/").replace("/sys/fs/cgroup", r"/sys/fs/my\040groups")
    assert {name: str(group.own) for name, group in groups("0::/a\n", spaces).items()} == {
        "": "/sys/fs/my groups/a"
    }
    outside = groups("0::/../other\n", V2.format(root="/"))[""]
    assert outside == Group(outside.top, outside.top)
    inner = groups("0::/docker/a/sub\n", V2.format(root="/docker/a"))[""]
    assert [str(folder) for folder in inner.upwards()] == ["/sys/fs/cgroup/sub", "/sys/fs/cgroup"]


@pytest.mark.parametrize(
    ("quota", "allowed", "workers", "limit"),
    [
        (None, 4, 4, None),
        (0.5, 4, 1, 0.5),
        (1.0, 4, 1, 1.0),
        (1.5, 4, 2, 1.5),
        (8.0, 4, 4, None),
        (None, 1, 1, 1.0),
        (2.0, 1, 1, 1.0),
    ],
)
def test_workers_follow_quota_and_affinity(
    quota: float | None, allowed: int, workers: int, limit: float | None
) -> None:
    machine = machine_within(GroupLimits(cores=quota), 4, allowed, 8000 * MB)
    assert (machine.cores, machine.workers, machine.cores_limit) == (4, workers, limit)


def test_workers_share_what_the_limit_leaves() -> None:
    assert memory_left(None, 5) is None
    left = memory_left(2000 * MB, 200 * MB)
    assert left == 1800 * MB - AGENT_GROWTH_BYTES
    wanted, pack = Share(4, 1500 * MB), 350 * MB
    assert within_limit(wanted, None, pack) == wanted
    fits = within_limit(wanted, left, pack)
    assert fits.workers == 3 and fits.workers * (pack + fits.growth_bytes) <= left
    assert within_limit(wanted, 0, pack) == Share(1, PICTURE_BYTES), "one worker works in any case"
    assert within_limit(Share(0, 1), left, pack) == Share(0, 1), "--memory was too little"


def test_idleness_is_of_what_the_process_may_use() -> None:
    assert share_taken(0.5, 2, 2) == 0.25
    assert share_taken(1.0, 2, 0.5) == 0.0, "the quota is free, whatever other programs do with the rest"
    assert share_taken(1.75, 2, 0.5) == 0.5
    assert (share_taken(3.0, 2, 0.5), share_taken(-1.0, 2, 2)) == (1.0, 0.0)


def test_the_load_is_of_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_processor_times", lambda: (0.0, 0.0))
    monkeypatch.setattr(load.psutil, "virtual_memory", lambda: SimpleNamespace(total=8000, available=5000))
    machine = machine_within(GroupLimits(0.5, 700, 300), 2, 2, 8000)
    used_s = iter([10.0, 11.0, 20.0])
    watch = LoadWatch(100.0, lambda: machine, lambda: next(used_s))
    assert vars(watch.told(104.0)) == {"cpu_share": 0.5, "memory_used_bytes": 300}
    assert watch.told(108.0).cpu_share == 1.0
    free = LoadWatch(100.0, lambda: machine_within(GroupLimits(), 2, 2, 8000), lambda: None)
    assert vars(free.told(104.0)) == {"cpu_share": None, "memory_used_bytes": 3000}


def test_people_see_both() -> None:
    known = {
        "hostname": "h",
        "system": "s",
        "cpu": "c",
        "cores": 2,
        "memory_bytes": 25_300 * MB,
        "python": "3",
    }
    host = contract.HostFacts(**known, cores_limit=0.5, memory_limit_bytes=700 * MB, cpu_share=0.4)
    shown = host.model_dump()
    assert _machine(shown) == "2 cores (limited to 0.5), 25.3 GB (limited to 700 MB)"
    page = facts.machine(Node(name="n", state="ready", host=shown))
    assert page["Cores"] == "2 (limited to 0.5), 40 % busy"
    assert page["Memory"] == "25.3 GB (limited to 700 MB)"
    without = contract.HostFacts(**known)
    assert "limit" not in without.wire().decode()
    assert contract.HostFacts.model_validate_json(host.wire()) == host
    assert _machine(without.model_dump()) == "2 cores, 25.3 GB"


SEEN = """
import json
from manyeyes.cgroups import read_machine
from manyeyes.config import NodeSettings
found = read_machine()
print(json.dumps([found.cores_limit, found.memory_limit_bytes, NodeSettings().workers]))
"""


@contextmanager
def real_group() -> Iterator[list[Path]]:
    """Folders of a group of this machine with half a core and 700 MB; the test is skipped where none can be made."""
    name = f"manyeyes-test-{os.getpid()}"
    trees = [Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup/memory")]
    limits = {
        "cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000", "memory.limit_in_bytes": str(700 * 1024**2),
        "cpu.max": "50000 100000", "memory.max": str(700 * 1024**2),
    }  # fmt: skip
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        trees = [Path("/sys/fs/cgroup")]
    folders = [tree / name for tree in trees]
    try:
        try:
            for folder in folders:
                folder.mkdir()
                for file in (folder / file for file in limits if (folder / file).exists()):
                    file.write_text(limits[file.name])
            if read_back := [
                folder for folder in folders if not any((folder / file).exists() for file in limits)
            ]:
                pytest.skip(f"{read_back[0]} limits nothing here")
        except OSError as error:
            pytest.skip(f"no control group can be made here: {error}")
        yield folders
    finally:
        for folder in folders:
            if folder.exists():
                folder.rmdir()


def test_the_limits_of_a_real_group_are_seen() -> None:
    with real_group() as folders:
        enter = "".join(f"echo $$ > {folder}/cgroup.procs && " for folder in folders)
        command = ["sh", "-c", f"{enter} exec {sys.executable} -c '{SEEN}'"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [0.5, 700 * 1024**2, 1]
