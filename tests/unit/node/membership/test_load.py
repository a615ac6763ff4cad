"""How busy the machine is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from manyeyes.cgroups import GroupLimits, machine_within
from manyeyes.node.membership import load
from manyeyes.node.membership.load import LoadWatch, MachineLoad, busy_share


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        ((10.0, 100.0), (11.0, 104.0), 0.75),
        ((10.0, 100.0), (14.0, 104.0), 0.0),
        ((10.0, 100.0), (10.0, 104.0), 1.0),
        ((10.0, 100.0), (15.0, 104.0), 0.0),  # idle time that the kernel counted late
        ((10.0, 100.0), (10.0, 100.0), None),
    ],
)
def test_the_share_that_was_not_idle(
    before: tuple[float, float], after: tuple[float, float], share: float | None
) -> None:
    assert busy_share(before, after) == share


def test_heartbeats_that_follow_each_other_at_once_tell_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([(0.0, 0.0), (5.0, 10.0), (5.0, 20.0)])
    monkeypatch.setattr(load, "_processor_times", lambda: next(times))
    memory = SimpleNamespace(total=8, available=5)
    monkeypatch.setattr(load.psutil, "virtual_memory", lambda: memory)
    watch = LoadWatch(100.0)
    assert watch.told(100.1) == MachineLoad(None, 0)
    assert watch.told(102.0) == watch.told(103.9) == MachineLoad(0.5, 3)
    assert watch.told(104.0) == MachineLoad(1.0, 3)


@pytest.mark.parametrize(("used_bytes", "told_bytes"), [(4, 4), (0, 0)])
def test_memory_in_use_is_the_container_s_or_not_known(
    monkeypatch: pytest.MonkeyPatch, used_bytes: int, told_bytes: int
) -> None:
    monkeypatch.setattr(load.psutil, "virtual_memory", lambda: SimpleNamespace(total=800, available=500))
    watch = LoadWatch(
        100.0, lambda: machine_within(GroupLimits(None, 70, used_bytes), 2, 2, 800), lambda: None
    )
    assert watch.told(104.0).memory_used_bytes == told_bytes
