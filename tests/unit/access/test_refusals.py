"""Refused requests are counted by source, and what is kept of them is bounded."""

from __future__ import annotations

import sys

from manyeyes.access.refusals import EVERY_S, MOST_COUNTED, MOST_LISTED, NOBODY, Refusals, Sum


def test_the_first_comes_at_once_and_the_rest_a_minute_later() -> None:
    refusals = Refusals()
    refusals.add("olga", "GET /v1/audit")
    assert refusals.due(5.0) == [Sum("olga", "1 refused: GET /v1/audit 1")]
    for what in ("exec", "exec", "GET /v1/audit"):
        refusals.add("olga", what)
    assert refusals.due(5.0 + EVERY_S - 1) == []
    assert refusals.due(5.0 + EVERY_S) == [Sum("olga", "3 refused: exec 2, GET /v1/audit 1")]
    assert refusals.due(5.0 + 2 * EVERY_S) == []


def test_strangers_have_one_sum_together_which_lists_the_worst() -> None:
    refusals = Refusals()
    for number in range(1, MOST_LISTED + 6):
        for _ in range(number):
            refusals.add(NOBODY, f"10.0.0.{number}")
    (one,) = refusals.due(0.0)
    total = sum(range(1, MOST_LISTED + 6))
    assert one.who == NOBODY and one.detail.startswith(f"{total} refused: 10.0.0.25 25, 10.0.0.24 24, ")
    assert one.detail.endswith("10.0.0.6 6, others 15")


def test_a_million_addresses_take_no_memory_and_no_room() -> None:
    refusals = Refusals()
    for number in range(100_000):
        refusals.add(NOBODY, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    (counted,) = refusals._of.values()
    assert len(counted.counts) == MOST_COUNTED
    (one,) = refusals.due(0.0)
    assert one.detail.startswith("100000 refused: ") and len(one.detail) < 1000
    assert sys.getsizeof(one.detail) < 2000


def test_a_key_that_is_quiet_again_is_forgotten() -> None:
    refusals = Refusals()
    for number in range(1000):
        refusals.add(f"key {number}", "exec")
    refusals.due(0.0)
    refusals.due(EVERY_S)
    assert refusals._of == {}
