"""What is due at a tick, by times that the test makes up."""

from __future__ import annotations

import itertools

from manyeyes.master.schedule import BROADCAST_EVERY_S, RECORD_EVERY_S, STOOD_STILL_S, TICK_S, Schedule


def test_a_tick_in_time_says_nothing_of_standing_still() -> None:
    schedule = Schedule(100.0)
    assert schedule.tick(100.0 + TICK_S, 100.0).stood_still_s == 0.0
    late = schedule.tick(100.0 + 2 * TICK_S + STOOD_STILL_S, 100.0)
    assert late.stood_still_s == 0.0, "a busy machine is not a frozen one"


def test_a_process_that_was_frozen_says_for_how_long_once() -> None:
    schedule = Schedule(100.0)
    assert schedule.tick(130.0 + TICK_S, 100.0).stood_still_s == 30.0
    assert schedule.tick(130.0 + 2 * TICK_S, 100.0).stood_still_s == 0.0


def test_a_broadcast_is_due_a_second_after_the_last_one_whoever_sent_it() -> None:
    schedule = Schedule(100.0)
    assert not schedule.tick(100.5, 100.5 - BROADCAST_EVERY_S + 0.01).broadcast
    assert schedule.tick(101.0, 101.0 - BROADCAST_EVERY_S).broadcast


def test_records_are_written_at_the_first_tick_and_every_few_seconds_then() -> None:
    schedule = Schedule(0.0)
    ticks = [tick * TICK_S for tick in range(1, 100)]
    recorded = [now for now in ticks if schedule.tick(now, now).record]
    assert recorded[0] == TICK_S and len(recorded) > 2
    assert all(later - now > RECORD_EVERY_S for now, later in itertools.pairwise(recorded))
    assert all(later - now <= RECORD_EVERY_S + TICK_S for now, later in itertools.pairwise(recorded))
