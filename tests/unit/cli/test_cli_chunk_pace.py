from __future__ import annotations

from itertools import pairwise

import pytest

from manyeyes.cli.chunk_pace import LEAST_BYTES, STEP_S, ChunkPace
from manyeyes.contract import CHUNK_BYTES


def on_a_line(bytes_per_s: float, round_trip_s: float, steps: int = 20) -> list[int]:
    """The chunks that go over a line."""
    pace = ChunkPace()
    pace.empty_step(round_trip_s)
    sizes = []
    for _ in range(steps):
        sizes.append(pace.chunk_bytes)
        pace.step(pace.chunk_bytes, round_trip_s + pace.chunk_bytes / bytes_per_s)
    return sizes


def test_it_begins_small_and_at_most_doubles() -> None:
    sizes = on_a_line(100e6, 0.001)
    assert sizes[0] == LEAST_BYTES
    assert sizes[-1] == CHUNK_BYTES
    assert all(after <= 2 * before for before, after in pairwise(sizes))


@pytest.mark.parametrize("bytes_per_s", [100e3, 250e3, 500e3])
def test_on_a_slow_line_a_step_takes_a_quarter_of_a_second(bytes_per_s: float) -> None:
    assert on_a_line(bytes_per_s, 0.02)[-1] / bytes_per_s == pytest.approx(STEP_S, rel=0.1)


def test_a_long_way_is_no_reason_for_small_chunks() -> None:
    assert on_a_line(10e6, 0.6)[-1] == CHUNK_BYTES


def test_a_line_that_becomes_slow_gets_small_chunks_and_never_none() -> None:
    pace = ChunkPace(chunk_bytes=CHUNK_BYTES)
    pace.step(CHUNK_BYTES, 30.0)
    assert pace.chunk_bytes == LEAST_BYTES
    pace.step(0, 0.0)
    assert pace.chunk_bytes == LEAST_BYTES
