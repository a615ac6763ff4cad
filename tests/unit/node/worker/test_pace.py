"""When a worker has a picture ahead."""

from __future__ import annotations

import pytest

from manyeyes.node.worker.pace import LEAD_FACTOR, LEAST_LEAD_S, Pace


def test_a_worker_whose_pace_is_not_known_has_one_ahead() -> None:
    assert Pace().ahead_in_s(0.0) == 0.0


def test_a_fast_worker_has_one_ahead_while_it_works() -> None:
    assert Pace(picture_s=0.02).ahead_in_s(0.0) == 0.0


def test_a_slow_worker_has_one_ahead_shortly_before_it_is_done() -> None:
    pace = Pace(picture_s=2.0, travel_s=0.01)
    assert pace.ahead_in_s(0.5) == pytest.approx(2.0 - 0.5 - LEAST_LEAD_S)
    assert pace.ahead_in_s(1.9) == 0.0


def test_a_slow_line_makes_it_earlier() -> None:
    pace = Pace(picture_s=3.0, travel_s=0.5)
    assert pace.ahead_in_s(0.0) == pytest.approx(3.0 - LEAD_FACTOR * 0.5)


def test_the_benchmark_counts_until_pictures_are_known() -> None:
    pace = Pace()
    pace.benchmarked(1.0)
    assert (pace.benchmark_s, pace.picture_s) == (1.0, 1.0)
    for _ in range(40):
        pace.worked(0.5)
    assert pace.picture_s == pytest.approx(0.5, abs=0.01)
    pace.benchmarked(2.0)
    assert pace.picture_s == pytest.approx(0.5, abs=0.01)


def test_travel_is_the_mean_of_recent_pictures() -> None:
    pace = Pace()
    pace.travelled(1.0)
    assert pace.travel_s == 1.0
    for _ in range(40):
        pace.travelled(0.2)
    assert pace.travel_s == pytest.approx(0.2, abs=0.01)
