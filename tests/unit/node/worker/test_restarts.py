"""Back-off of workers by a clock of our own."""

from __future__ import annotations

from manyeyes.node.worker.restarts import FIRST_PAUSE_S, HEALTHY_AFTER_S, LONGEST_PAUSE_S, Backoff


def test_quick_ends_double_the_pause_up_to_the_longest() -> None:
    backoff = Backoff()
    pauses = []
    for start in range(12):
        backoff.started(float(start))
        pauses.append(backoff.ended(start + 0.5))
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S
    assert backoff.restarts == 12


def test_a_healthy_time_resets_the_pause() -> None:
    backoff = Backoff()
    for _ in range(6):
        backoff.started(0.0)
        backoff.ended(1.0)
    backoff.started(10.0)
    assert backoff.ended(10.0 + HEALTHY_AFTER_S + 1) == FIRST_PAUSE_S
