"""Who is seen from when to when."""

from __future__ import annotations

import pytest

from manyeyes.spans import clock, span_text, spans, timeline

ADA, GRACE, NOBODY = ("1-a", "Ada"), ("2-b", "Grace"), (None, None)


def pairs(times_s: list[float], every_s: float = 2, gap: int = 2) -> list[tuple[float, float]]:
    return [(one.from_s, one.to_s) for one in spans(times_s, every_s, gap)]


@pytest.mark.parametrize(
    ("times_s", "gap", "expected"),
    [
        ([], 2, []),
        ([4], 2, [(4, 4)]),
        ([4, 0, 2], 2, [(0, 4)]),
        ([0, 6], 2, [(0, 6)]),
        ([0, 8], 2, [(0, 0), (8, 8)]),
        ([0, 4], 0, [(0, 0), (4, 4)]),
        ([2, 2, 2], 0, [(2, 2)]),
        ([0, 6, 14, 16], 2, [(0, 6), (14, 16)]),
    ],
)
def test_gaps_up_to_the_stated_number_of_stills_are_merged(
    times_s: list[float], gap: int, expected: list[tuple[float, float]]
) -> None:
    assert pairs(times_s, gap=gap) == expected


def test_an_interval_that_no_float_has_exactly_merges_as_any_other() -> None:
    assert pairs([0.1 * number for number in range(0, 40, 3)], every_s=0.1) == [(0, pytest.approx(3.9))]


def test_everybody_in_the_order_of_their_first_time_and_unknown_faces_last() -> None:
    found = timeline(
        [(0, [NOBODY, NOBODY]), (2, [GRACE, ADA]), (4, [ADA]), (20, [ADA, NOBODY]), (22, [])], every_s=2
    )
    assert [(one.name, one.stills, [span_text(span) for span in one.spans]) for one in found] == [
        ("Ada", 3, ["0:02–0:04", "0:20"]),
        ("Grace", 1, ["0:02"]),
        (None, 2, ["0:00", "0:20"]),
    ]


def test_a_person_is_one_under_two_names_and_two_people_of_one_name_are_two() -> None:
    found = timeline([(2, [("1-a", "Lovelace")]), (0, [ADA]), (2, [("9-z", "Ada")])], every_s=2)
    assert [(one.person_id, one.name, one.stills) for one in found] == [
        ("1-a", "Lovelace", 2),
        ("9-z", "Ada", 1),
    ]


@pytest.mark.parametrize(
    ("time_s", "shown", "exactly"),
    [
        (0, "0:00", "0:00"),
        (7.5, "0:07", "0:07.5"),
        (59.96, "0:59", "1:00"),
        (750, "12:30", "12:30"),
        (3723.25, "1:02:03", "1:02:03.2"),
        (36000, "10:00:00", "10:00:00"),
    ],
)
def test_times_are_shown_as_players_do(time_s: float, shown: str, exactly: str) -> None:
    assert (clock(time_s), clock(time_s, exact=True)) == (shown, exactly)
