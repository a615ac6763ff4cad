"""Lines, rates, cut-offs and the engine's count, by a clock of our own."""

from __future__ import annotations

from manyeyes.config import RateLimits
from manyeyes.contract import CHUNK_BYTES
from manyeyes.fleet.rate_limits import Bans, ConnectionUsage, RateLimiter

LIMITS = RateLimits(
    messages_per_s=100, bytes_per_s=10_000, waiting=20, waiting_bytes=2000, connections=2, patience_s=3
)


def arrive(flood: RateLimiter, count: int, now: float, size: int = 10) -> list[str]:
    return [flood.arrived("a", size, now) for _ in range(count)]


def test_what_fits_the_line_is_taken_and_what_does_not_is_dropped() -> None:
    flood = RateLimiter(LIMITS)
    assert arrive(flood, 21, 0.0) == ["take"] * 20 + ["drop"]
    flood.served("a", 10, 0.0)
    assert arrive(flood, 2, 0.0) == ["take", "drop"]
    assert flood.arrived("b", 10, 0.0) == "take"


def test_bytes_fill_the_line_too() -> None:
    flood = RateLimiter(LIMITS)
    assert arrive(flood, 3, 0.0, size=900) == ["take", "take", "drop"]


def test_a_whole_line_too_much_at_once_is_cut_off() -> None:
    flood = RateLimiter(LIMITS)
    assert arrive(flood, 41, 0.0)[-2:] == ["drop", "cut-off"]
    assert flood.dropped("a") == 21


def test_a_little_too_much_for_long_is_cut_off_and_for_a_moment_is_not() -> None:
    flood = RateLimiter(LIMITS)
    arrive(flood, 20, 0.0)
    assert [flood.arrived("a", 10, at / 2) for at in range(8)] == ["drop"] * 7 + ["cut-off"]
    flood = RateLimiter(LIMITS)
    arrive(flood, 20, 0.0)
    assert [flood.arrived("a", 10, at * 1.5) for at in range(8)] == ["drop"] * 8


def test_what_is_said_beyond_the_rate_waits_and_is_not_lost() -> None:
    flood, served = RateLimiter(LIMITS), 0
    flood.arrived("a", 1, 0.0)
    for hundredth in range(201):
        while flood.due_in_s("a", hundredth / 100) == 0.0:
            flood.served("a", 1, hundredth / 100)
            served += 1
    assert 295 <= served <= 305, "a second's worth at once, then the rate"
    assert 0 < flood.due_in_s("a", 2.0) <= 0.01


def test_one_large_message_makes_the_next_wait() -> None:
    flood = RateLimiter(LIMITS)
    flood.arrived("a", 2000, 0.0)
    for _ in range(6):
        flood.served("a", 2000, 0.0)
    assert abs(flood.due_in_s("a", 0.0) - 0.2) < 1e-9


def test_the_limits_leave_an_honest_fast_node_a_factor_of_several() -> None:
    """64 workers: each has a result or a chunk query under way, the rest of the node at most twelve more."""
    limits, under_way = RateLimits(), 2 * 64 + 12
    assert limits.waiting > 5 * under_way
    assert limits.waiting_bytes > 3 * (64 + 10) * CHUNK_BYTES


def test_who_is_silent_is_forgotten() -> None:
    flood = RateLimiter(LIMITS)
    flood.arrived("a", 10, 0.0)
    flood.forget_idle(100.0)
    assert "a" in flood._lines
    flood.served("a", 10, 0.0)
    flood.forget_idle(100.0)
    assert flood._lines == {}


def test_a_second_cut_off_lasts_twice_as_long_until_good_conduct() -> None:
    bans = Bans(60, 3600)
    assert bans.on("a", 0.0) is None
    first = bans.cut_off("a", "why", 0.0)
    assert (first.until_s, first.times, bans.names(59.9), bans.names(60.0)) == (60, 1, {"a"}, frozenset())
    assert bans.cut_off("a", "why", 100.0).until_s == 220
    for _ in range(10):
        last = bans.cut_off("a", "why", 300.0)
    assert last.until_s == 300 + 3600
    assert bans.cut_off("a", "why", last.until_s + 3601).times == 1


def test_the_engines_count_finds_who_sends_past_the_limits() -> None:
    usage = ConnectionUsage(LIMITS)
    assert usage.counted("a", {1: (150, 100)}, 0.0) == ""
    for second in range(1, 60):
        assert usage.counted("a", {1: (150 + 190 * second, 100 + 9000 * second)}, float(second)) == ""
    assert "past its limits" in usage.counted("a", {1: (150 + 190 * 59 + 700, 10**6)}, 60.0)
    assert "past its limits" in usage.counted("b", {1: (0, 30_000)}, 0.0)


def test_several_connections_count_together_and_are_few() -> None:
    usage = ConnectionUsage(LIMITS)
    assert usage.counted("a", {1: (200, 0), 2: (150, 0)}, 0.0) == ""
    assert "past its limits" in usage.counted("a", {1: (250, 0), 2: (180, 0)}, 0.0)
    assert "3 connections" in usage.counted("a", {1: (0, 0), 2: (0, 0), 3: (0, 0)}, 0.0)


def test_a_count_after_a_long_pause_of_ours_is_no_flood() -> None:
    usage = ConnectionUsage(LIMITS)
    assert usage.counted("a", {1: (0, 0)}, 0.0) == ""
    assert usage.counted("a", {1: (390, 0)}, 100.0) == ""
    usage.keep(set())
    assert usage._accounts == {}
