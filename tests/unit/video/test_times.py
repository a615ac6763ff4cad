"""When stills are taken, and what they are called."""

from __future__ import annotations

import math

import pytest

from manyeyes.errors import BadRequest
from manyeyes.video.times import Times, read_time, still_name


@pytest.mark.parametrize(
    ("times", "duration_s", "expected"),
    [
        (Times(), 5, [0, 2, 4]),
        (Times(), 4, [0, 2]),
        (Times(), 0, [0]),
        (Times(0.1), 0.3, [0, 0.1, 0.2]),
        (Times(2, from_s=1), 5, [1, 3]),
        (Times(2, from_s=1, to_s=3), 5, [1]),
        (Times(2, from_s=9), 5, []),
        (Times(100), 5, [0]),
    ],
)
def test_times_of_stills(times: Times, duration_s: float, expected: list[float]) -> None:
    assert list(times.each(duration_s)) == expected
    assert times.count(duration_s) == len(expected)


@pytest.mark.parametrize(
    ("every_s", "from_s", "to_s", "says"),
    [
        (0, 0, math.inf, "--every is 0 s; 0.04 to 1e\\+06 s are possible"),
        (math.nan, 0, math.inf, "--every is nan s"),
        (2, 10, 10, "--from 10 s is not before --to 10 s"),
    ],
)
def test_times_that_make_no_sense(every_s: float, from_s: float, to_s: float, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        Times(every_s, from_s, to_s)


@pytest.mark.parametrize(
    ("text", "time_s"),
    [
        ("90", 90),
        ("1:30", 90),
        ("1:02:03.5", 3723.5),
        (" 0.5 ", 0.5),
        ("90:00", 5400),
        ("-1", None),
        ("1:", None),
        ("nan", None),
        ("1e3", None),
        ("", None),
    ],
)
def test_times_as_people_write_them(text: str, time_s: float | None) -> None:
    if time_s is None:
        with pytest.raises(BadRequest, match="is no time in a video; write seconds"):
            read_time(text)
    else:
        assert read_time(text) == time_s


def test_names_of_stills_are_in_the_order_of_time() -> None:
    times_s = [0, 9.5, 59.999, 60, 3599, 3600, 36000, 359999]
    names = [still_name(time_s) for time_s in times_s]
    assert names == sorted(names) and len(set(names)) == len(names)
    assert names[1] == "00-00-09.500.jpg" and names[-2] == "10-00-00.000.jpg"
