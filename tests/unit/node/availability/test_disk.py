"""A node tells how full its disk is, and the same again until much has changed."""

from __future__ import annotations

from pathlib import Path

from manyeyes.node.availability.disk import LOOK_EVERY_S, DiskWatch


def test_only_much_is_told_anew(tmp_path: Path) -> None:
    seen = [(1000, 0, 500)]
    watch = DiskWatch(tmp_path, lambda _: seen[-1])
    assert watch.told(0.0) == (500, 1000)
    seen.append((1000, 0, 100))
    assert watch.told(LOOK_EVERY_S - 0.1) == (500, 1000), "not looked at yet"
    assert watch.told(LOOK_EVERY_S) == (100, 1000)
    seen.append((1000, 0, 91))
    assert watch.told(2 * LOOK_EVERY_S) == (100, 1000)
    seen.append((1000, 0, 89))
    assert watch.told(3 * LOOK_EVERY_S) == (89, 1000)
    seen.append((2000, 0, 89))
    assert watch.told(4 * LOOK_EVERY_S) == (89, 2000)


def test_a_disk_that_cannot_be_looked_at(tmp_path: Path) -> None:
    assert DiskWatch(tmp_path / "gone").told(0.0) == (0, 0)
    free, size = DiskWatch(tmp_path).told(0.0)
    assert 0 < free <= size
