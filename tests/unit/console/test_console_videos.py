"""What the overview says of videos."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from manyeyes.api.videos import RecentVideo, Seen, TimeSpan
from manyeyes.console.pages.overview.videos import facts, more_text, row

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def video(**how: Any) -> RecentVideo:
    shown = {
        "id": "1",
        "at": NOW,
        "who": "k",
        "video": "a.mp4",
        "every_s": 2,
        "stills": 30,
        "from_s": 0,
        "to_s": 58,
    }
    return RecentVideo.model_validate({**shown, "people": (), **how})


def seen(*spans: tuple[float, float], name: str | None = "Ada") -> Seen:
    return Seen(
        name=name, stills=1200, spans=tuple(TimeSpan(from_s=first, to_s=last) for first, last in spans)
    )


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, "30 stills, one every 2 s, from 0:00 to 0:58 · now"),
        ({"stills": 1, "from_s": 90, "to_s": 90}, "1 still, one every 2 s, at 1:30 · now"),
    ],
)
def test_the_line_above_the_table(how: dict[str, Any], said: str) -> None:
    assert facts(video(**how), NOW) == said


def test_a_bar_lies_where_its_time_is() -> None:
    found = row(video(from_s=10, to_s=28), seen((10, 14), (20, 20), (28, 28)))
    assert (found["name"], found["stills"], found["seen"]) == ("Ada", "1,200", "0:10–0:14, 0:20, 0:28")
    assert found["bars"] == [
        {"left": 0, "width": 30},
        {"left": 50, "width": 10},
        {"left": 90, "width": 10},
    ]


def test_faces_without_a_name_and_fractions_of_seconds() -> None:
    found = row(video(every_s=0.5), seen((0.5, 1), name=None))
    assert (found["name"], found["isUnknown"], found["seen"]) == ("unknown", True, "0:00.5–0:01")


def test_many_times_are_cut_short() -> None:
    found = row(video(to_s=9998), seen(*((10 * number, 10 * number) for number in range(1000))))
    assert found["seen"].endswith("and 994 more") and len(found["bars"]) == 300
    assert (more_text(0), more_text(1), more_text(2)) == ("", "and 1 more person", "and 2 more people")
