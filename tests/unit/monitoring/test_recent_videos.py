"""The videos of the last hour: who was seen when, each key's own, and never too much of it."""

from __future__ import annotations

import pytest
from tests.unit.faces.unknown_faces import face

from manyeyes.api.videos import Still
from manyeyes.monitoring import recent_videos
from manyeyes.monitoring.recent_pictures import LONGEST_S, Recent
from manyeyes.monitoring.recent_videos import RecentVideos
from manyeyes.results import Result
from manyeyes.spans import span_text


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def add(
    videos: RecentVideos,
    time_s: float,
    *names: str | None,
    video: str = "a.mp4",
    who: str = "anna",
    id: str = "",
) -> None:
    faces = tuple(face(name) if name else face() for name in names)
    result = Result(width_px=9, height_px=9, media_type="image/jpeg", faces=faces, pack="p@1", timings_ms={})
    videos.add(Still(video=video, time_s=time_s, every_s=2, video_id=id), result, who)


def test_who_is_seen_from_when_to_when(clock: Clock) -> None:
    videos = RecentVideos(9, clock)
    for time_s, names in (
        (4, ["Ann"]),
        (0, ["Ann", None, None]),
        (2, ["Ben", "Ann"]),
        (30, [None]),
        (32, []),
    ):
        add(videos, time_s, *names)
    (found,) = videos.listed()
    assert (found.video, found.who, found.stills, found.from_s, found.to_s) == ("a.mp4", "anna", 5, 0, 32)
    assert [(one.name, one.stills, [span_text(span) for span in one.spans]) for one in found.people] == [
        ("Ann", 3, ["0:00–0:04"]),
        ("Ben", 1, ["0:02"]),
        (None, 2, ["0:00", "0:30"]),
    ]


def test_a_still_that_comes_again_counts_once_with_its_latest_answer(clock: Clock) -> None:
    videos = RecentVideos(9, clock)
    add(videos, 0, "Ann")
    add(videos, 0, "Ben")
    (found,) = videos.listed()
    assert (found.stills, [one.name for one in found.people]) == (1, ["Ben"])


def test_videos_of_one_name_are_told_apart_and_the_newest_stands_first(clock: Clock) -> None:
    videos = RecentVideos(3, clock)
    for id in ("1", "2", "3", "4", "3"):
        add(videos, 0, id, id=id)
    assert [one.people[0].name for one in videos.listed()] == ["3", "4", "2"]
    assert len({one.id for one in videos.listed()}) == 3


def test_a_key_sees_its_own_and_a_revoked_one_leaves_nothing(clock: Clock) -> None:
    recent = Recent(9, clock)
    add(recent.videos, 0, who="anna")
    add(recent.videos, 0, who="ben")
    assert [one.who for one in recent.videos.listed()] == ["ben", "anna"]
    assert [one.who for one in recent.videos.listed("anna")] == ["anna"]
    recent.forget("anna")
    assert [one.who for one in recent.videos.listed()] == ["ben"]


def test_after_an_hour_without_a_still_it_is_forgotten(clock: Clock) -> None:
    recent = Recent(9, clock)
    add(recent.videos, 0, video="old.mp4")
    clock.now += LONGEST_S - 1
    add(recent.videos, 0, video="new.mp4")
    clock.now += 2
    recent.tick()
    assert [one.video for one in recent.videos.listed()] == ["new.mp4"]


def test_where_no_pictures_are_kept_no_videos_are(clock: Clock) -> None:
    videos = RecentVideos(0, clock)
    add(videos, 0)
    assert videos.listed() == ()


def test_all_stills_together_are_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_videos, "MOST_STILLS", 10)
    videos = RecentVideos(9, clock)
    for video in ("a", "b", "c"):
        for time_s in range(4):
            add(videos, time_s, video=video)
    assert [(one.video, one.stills) for one in videos.listed()] == [("c", 4), ("b", 4)]
    for time_s in range(20):
        add(videos, time_s, video="d")
    (found,) = videos.listed()
    assert (found.video, found.stills, found.from_s) == ("d", 10, 10)
