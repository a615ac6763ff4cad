"""Pauses between attempts."""

from __future__ import annotations

from manyeyes.node.retry import pause_after


def test_pauses_double_up_to_a_minute() -> None:
    assert [pause_after(n) for n in (1, 2, 3, 6, 7, 50)] == [1, 2, 4, 32, 60, 60]
