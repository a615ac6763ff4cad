"""When a node asks for its next picture."""

from __future__ import annotations

import pytest

from manyeyes.node.pace import LEAD_FACTOR, LEAST_LEAD_S, Pace


def test_an_idle_worker_asks_at_once() -> None:
    assert Pace(picture_s=5.0).ask_in_s(None, now=0.0) == 0.0


def test_a_fast_worker_asks_while_it_works() -> None:
    assert Pace(picture_s=0.02).ask_in_s(0.0, now=0.0) <= 0.0


def test_a_slow_worker_asks_shortly_before_it_is_done() -> None:
    pace = Pace(picture_s=2.0, fetch_s=0.01)
    assert pace.ask_in_s(0.5, now=0.0) == pytest.approx(2.0 - 0.5 - LEAST_LEAD_S)
    assert pace.ask_in_s(1.9, now=0.0) <= 0.0


def test_a_slow_line_makes_it_ask_earlier() -> None:
    pace = Pace(picture_s=3.0, fetch_s=0.5)
    assert pace.ask_in_s(0.0, now=0.0) == pytest.approx(3.0 - LEAD_FACTOR * 0.5)


def test_the_benchmark_counts_until_pictures_are_known() -> None:
    pace = Pace()
    pace.benchmarked(1.0)
    assert (pace.benchmark_s, pace.picture_s) == (1.0, 1.0)
    for _ in range(40):
        pace.worked(0.5)
    assert pace.picture_s == pytest.approx(0.5, abs=0.01)
    pace.benchmarked(2.0)
    assert pace.picture_s == pytest.approx(0.5, abs=0.01)


def test_a_node_that_is_told_to_wait_waits() -> None:
    pace = Pace()
    pace.told_to_wait(0.5, now=10.0)
    assert pace.ask_in_s(None, now=10.2) == pytest.approx(0.3)
    assert pace.ask_in_s(None, now=10.6) == 0.0
