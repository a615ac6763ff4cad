"""The last hour: counts in buckets, what was passed over, and how little it takes."""

from __future__ import annotations

import pytest

from manyeyes.monitoring.time_series import BUCKET_S, BUCKETS, RecentCounts, Series


def test_counts_are_told_once_their_bucket_is_full() -> None:
    series = Series(100.0)
    for _ in range(20):
        series.ended("a", True, 101.0)
    series.ended("b", False, 109.9)
    series.levels(7, 2, 105.0)
    series.levels(3, 1, 109.0)
    assert series.whole(109.9).done_per_s == []
    whole = series.whole(110.0)
    assert (whole.done_per_s, whole.failed_per_s) == ([2.0], [0.1])
    assert (whole.waiting, whole.ready_nodes) == ([7], [1]), "the most that waited, the last that were ready"
    assert series.node("a", 110.0).done_per_s == [2.0]
    assert series.node("b", 110.0).failed_per_s == [0.1]
    assert series.node("nobody", 110.0).done_per_s == [0.0]
    assert series.filling_s(113.5) == pytest.approx(3.5)


def test_an_hour_is_kept_and_no_more() -> None:
    series = Series(0.0)
    for bucket in range(BUCKETS + 40):
        for _ in range(bucket % 7):
            series.ended("a", True, bucket * BUCKET_S + 1)
    end = (BUCKETS + 40) * BUCKET_S
    expected = [bucket % 7 / BUCKET_S for bucket in range(40, BUCKETS + 40)]
    assert series.whole(end).done_per_s == series.node("a", end).done_per_s == expected


@pytest.mark.parametrize("gap", [3, BUCKETS - 1, BUCKETS, BUCKETS + 1, 50 * BUCKETS])
def test_what_was_passed_over_is_empty_and_unknown(gap: int) -> None:
    series = Series(0.0)
    series.ended("a", True, 1.0)
    series.levels(1, 1, 1.0)
    now = gap * BUCKET_S
    whole = series.whole(now)
    kept = gap <= BUCKETS
    assert sum(whole.done_per_s) == (0.1 if kept else 0.0)
    assert [level for level in whole.waiting if level is not None] == ([1] if kept else [])
    assert len(whole.waiting) == min(gap, BUCKETS)
    series.ended("a", True, now)
    assert series.node("a", now + BUCKET_S).done_per_s[-1] == 0.1


def test_rates_are_of_the_last_minute_or_since_the_start() -> None:
    series = Series(0.0)
    assert series.rates(0.0) == (0.0, 0.0)
    for _ in range(10):
        series.ended("a", True, 1.0)
    series.ended("a", False, 4.0)
    assert series.rates(5.0) == (2.0, 0.2)
    assert series.rates(60.0)[0] == pytest.approx(10 / 60)
    assert series.rates(75.0) == (0.0, 0.0)


def test_what_became_of_a_node_lately() -> None:
    series = Series(0.0)
    series.at_fault("a", 1.0)
    series.restarted("a", 3, 2.0)
    series.ended("a", True, 3.0)
    series.ended("a", False, 3.0)
    assert series.recent_counts("a", 300.0, 300.0) == RecentCounts(1, 1, 1, 3)
    assert series.recent_counts("a", 311.0, 300.0) == RecentCounts()
    series.restarted("a", 10**9, 312.0)
    assert series.recent_counts("a", 313.0, 300.0).restarts == 65_535, "a node cannot make it overflow"
    series.forget("a")
    assert series.recent_counts("a", 313.0, 300.0) == RecentCounts()


def test_a_thousand_nodes_stay_small() -> None:
    series = Series(0.0)
    for number in range(1000):
        series.ended(f"node-{number}", True, 1.0)
        series.load(f"node-{number}", 0.5, 0.5, 1.0)
    held = [*series._nodes.values(), *series._loads.values()]
    assert sum(counts.nbytes for counts in held) < 5_000_000
    assert series.whole(BUCKET_S).cpu_share == [0.5]


def test_latency_is_the_mean_of_what_was_done() -> None:
    series = Series(0.0)
    series.ended("a", True, 1.0, 0.2)
    series.ended("a", True, 2.0, 0.4)
    series.ended("a", False, 3.0, 60.0)
    assert series.whole(2 * BUCKET_S).latency_s == [0.3, None]
    series.ended("a", True, 2 * BUCKET_S, 1.0)
    assert series.whole(2 * BUCKET_S + BUCKETS * BUCKET_S).latency_s == [1.0, *[None] * (BUCKETS - 1)]


def test_load_is_the_last_of_each_bucket_and_the_mean_of_the_machines_that_told_it() -> None:
    series = Series(0.0)
    series.load("a", 0.1, 0.5, 1.0)
    series.load("a", 0.2, 0.5, 2.0)
    series.load("b", 0.6, None, 2.0)
    series.load("c", None, None, 2.0)
    series.load("a", 1.5, 0.7, BUCKET_S)
    whole = series.whole(3 * BUCKET_S)
    assert (whole.cpu_share, whole.memory_share) == ([0.4, 1.0, None], [0.5, 0.7, None])
    a, c = series.node("a", 3 * BUCKET_S), series.node("c", 3 * BUCKET_S)
    assert (a.cpu_share, a.memory_share, c.cpu_share) == ([0.2, 1.0, None], [0.5, 0.7, None], [None] * 3)
    series.forget("a")
    assert series.whole(3 * BUCKET_S).cpu_share == [0.6, None, None]
    assert series.node("nobody", 3 * BUCKET_S).cpu_share == [None] * 3
