"""When a node works, by a clock of our own."""

from __future__ import annotations

from datetime import time

import pytest

from manyeyes.config import MEBIBYTE
from manyeyes.errors import BadRequest
from manyeyes.node.availability.decision import (
    PICTURE_BYTES,
    Hours,
    IdleWatch,
    Share,
    divide_memory,
    effective_mode,
    parse_bytes,
)


@pytest.mark.parametrize(
    ("text", "moment", "inside"),
    [
        ("22:00-07:00", time(22, 0), True),
        ("22:00-07:00", time(3, 0), True),
        ("22:00-07:00", time(7, 0), False),
        ("22:00-07:00", time(21, 59), False),
        ("9:00-17:30", time(17, 29), True),
        ("9:00-17:30", time(8, 59), False),
        ("12:00-13:00, 20:00-06:00", time(12, 30), True),
        ("12:00-13:00, 20:00-06:00", time(14, 0), False),
        ("12:00-13:00, 20:00-06:00", time(0, 0), True),
    ],
)
def test_hours(text: str, moment: time, inside: bool) -> None:
    assert Hours.parse(text).include(moment) is inside


@pytest.mark.parametrize("text", ["", "22-7", "25:00-07:00", "10:61-11:00", "10:00-10:00", "22:00-07:00,"])
def test_odd_hours(text: str) -> None:
    with pytest.raises(BadRequest, match="22:00-07:00"):
        Hours.parse(text)


def test_a_machine_counts_as_idle_after_a_quiet_time_only() -> None:
    watch = IdleWatch(busy_share=0.2, quiet_s=60, busy_s=3)
    assert not watch.seen(0.0, 0)
    assert not watch.seen(0.1, 59)
    assert watch.seen(0.1, 60)
    assert watch.seen(0.9, 61)
    assert watch.seen(0.1, 62), "a short burst is not use"
    assert watch.seen(0.9, 63)
    assert not watch.seen(0.9, 66)
    assert not watch.seen(0.0, 70)
    assert not watch.seen(0.5, 100)
    assert not watch.seen(0.0, 130), "the quiet time begins anew"
    assert not watch.seen(0.0, 189)
    assert watch.seen(0.0, 190)


def test_the_wish_goes_before_the_nodes_own_limits() -> None:
    hours, noon, night = Hours.parse("22:00-07:00"), time(12, 0), time(23, 0)
    assert effective_mode("", None, noon, None).mode == "work"
    assert effective_mode("", hours, night, True).mode == "work"
    outside = effective_mode("", hours, noon, True)
    assert (outside.mode, outside.reason) == ("empty", "outside its hours 22:00-07:00")
    assert effective_mode("", hours, night, False).mode == "pause"
    assert "operator" in effective_mode("pause", hours, noon, False).reason
    assert effective_mode("drain", None, noon, None).mode == "empty"


@pytest.mark.parametrize(
    ("text", "size"), [("800M", 800 << 20), ("4G", 4 << 30), ("1.5 GiB", 1536 << 20), ("2gb", 2 << 30)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["4", "0G", "4T", "-1G", "G"])
def test_odd_sizes(text: str) -> None:
    with pytest.raises(BadRequest, match="800M or 4G"):
        parse_bytes(text)


def test_memory_is_divided_among_as_many_workers_as_fit() -> None:
    pack = 350 * MEBIBYTE
    assert divide_memory(None, 8, pack, 1000) == Share(8, 1000)
    assert divide_memory(300 * MEBIBYTE, 8, pack, 1 << 40).workers == 0
    assert divide_memory(pack + PICTURE_BYTES, 8, pack, 1 << 40) == Share(1, PICTURE_BYTES)
    share = divide_memory(4 << 30, 2, pack, 1 << 40)
    assert share.workers == 2
    assert 2 * (pack + share.growth_bytes) <= 4 << 30
    for gigabytes in range(1, 20):
        share = divide_memory(gigabytes << 30, 64, pack, 1 << 40)
        assert share.workers * (pack + share.growth_bytes) <= gigabytes << 30
        assert share.growth_bytes >= PICTURE_BYTES
