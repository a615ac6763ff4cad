"""What a line carries is told from messages that had to wait for it, and bounds what is under way."""

from __future__ import annotations

import pytest

from manyeyes.node.tasks.line import AHEAD_S, MOST_BYTES, Line


def test_a_line_of_which_nothing_is_known_is_given_little() -> None:
    line = Line(1000)
    assert (line.bytes_per_s, line.window_bytes) == (0.0, 1000)


def test_one_second_of_the_line_may_be_under_way() -> None:
    line = Line(1000)
    line.carried(20_000, 0.5, 10.0)
    assert line.bytes_per_s == pytest.approx(40_000)
    assert line.window_bytes == int(40_000 * AHEAD_S)


def test_a_slow_line_still_carries_one_chunk_and_a_fast_one_is_bounded() -> None:
    slow, fast = Line(1000), Line(1000)
    slow.carried(5000, 50.0, 100.0)
    assert slow.window_bytes == 1000
    fast.carried(10**9, 0.001, 100.0)
    assert fast.window_bytes == MOST_BYTES


def test_short_messages_say_nothing_of_the_rate() -> None:
    line = Line(1000)
    line.carried(100, 5.0, 10.0)
    assert line.bytes_per_s == 0.0


def test_the_way_without_waiting_is_taken_off_whatever_the_clocks_say() -> None:
    line = Line(1000)
    for sent_s, late_s in ((0.0, 0.3), (1.0, 0.05), (2.0, 0.1)):
        line.heard("g", sent_s, 7000.0 + sent_s + late_s)
    line.arrived("g", 10_000, 3.0, 7003.0 + 0.05 + 0.5)
    assert line.bytes_per_s == pytest.approx(20_000)


def test_a_message_that_waits_behind_another_has_the_line_from_its_end_on() -> None:
    line = Line(1000)
    line.heard("g", 0.0, 0.0)
    line.arrived("g", 10_000, 1.0, 1.5)
    line.arrived("g", 10_000, 1.0, 2.0)
    assert line.bytes_per_s == pytest.approx(20_000)


def test_a_sender_whose_clock_is_not_known_says_nothing() -> None:
    line = Line(1000)
    line.arrived("stranger", 10_000, 1.0, 9.0)
    assert line.bytes_per_s == 0.0


def test_recent_messages_count() -> None:
    line = Line(1000)
    for number in range(50):
        line.carried(10_000, 1.0, 10.0 + number)
    assert line.bytes_per_s == pytest.approx(10_000)
    for number in range(50):
        line.carried(10_000, 0.1, 100.0 + number)
    assert line.bytes_per_s == pytest.approx(100_000)


def test_no_time_at_all_is_taken_for_a_little() -> None:
    line = Line(1000)
    line.carried(10_000, 0.0, 10.0)
    assert 0 < line.bytes_per_s < float("inf")
