"""The last pictures: few, in memory, not for long, and each key sees its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.faces.unknown_faces import at, face, jpeg, outcome

from manyeyes.errors import EntryNotFound
from manyeyes.face_results import FaceOutcome
from manyeyes.monitoring.recent_pictures import LONGEST_S, Recent
from manyeyes.results import Result, TooSmall


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def drawn(told: FaceOutcome, content: bytes) -> FaceOutcome:
    return replace(told, thumbnail=content)


def add(recent: Recent, who: str, content: bytes | None = None) -> str:
    told = outcome(at(1))
    assert told.result is not None
    if content is not None:
        recent.thumbnail(drawn(told, content))
    small = face().model_copy(update={"too_small": TooSmall(size_px=9, least_px=24)})
    result: Result = told.result.model_copy(update={"faces": (face("Ann"), face(), small)})
    recent.add(told.task_id, result, who, 12.34)
    return told.task_id


def test_the_newest_stand_first_and_only_so_many(clock: Clock) -> None:
    recent = Recent(3, clock)
    ids = [add(recent, "key", jpeg(n)) for n in range(5)]
    found = recent.listed()
    assert [picture.task_id for picture in found] == ids[:1:-1]
    assert (found[0].faces, found[0].names, found[0].ms, found[0].who) == (3, ("Ann",), 12.3, "key")
    assert found[0].too_small == 1
    assert recent.picture(found[0].id) == jpeg(4)
    assert [face.name for face in recent.result(found[0].id).faces] == ["Ann", None, None]


def test_a_key_sees_its_own_and_a_revoked_one_leaves_nothing(clock: Clock) -> None:
    recent = Recent(9, clock)
    add(recent, "anna", jpeg(1))
    add(recent, "ben", jpeg(2))
    (hers,) = recent.listed("anna")
    assert recent.picture(hers.id, "anna") == recent.picture(hers.id) == jpeg(1)
    with pytest.raises(EntryNotFound):
        recent.picture(hers.id, "ben")
    with pytest.raises(EntryNotFound):
        recent.result(hers.id, "ben")
    recent.forget("anna")
    assert [picture.who for picture in recent.listed()] == ["ben"]


def test_an_hour_is_the_most(clock: Clock) -> None:
    recent = Recent(9, clock)
    add(recent, "key", jpeg(1))
    (picture,) = recent.listed()
    clock.now += LONGEST_S + 1
    assert recent.listed() == []
    with pytest.raises(EntryNotFound):
        recent.picture(picture.id)


def test_pictures_beyond_two_a_second_are_left_out(clock: Clock) -> None:
    recent = Recent(4, clock)
    assert [recent.wants() for _ in range(6)] == [True] * 4 + [False] * 2
    clock.now += 1
    assert [recent.wants() for _ in range(3)] == [True, True, False]
    off = Recent(0, clock)
    clock.now += 100
    assert not off.wants()


def test_a_repeated_answer_is_listed_once_and_one_without_picture_has_none(clock: Clock) -> None:
    recent = Recent(4, clock)
    told = outcome(at(1))
    assert told.result is not None
    for _ in range(2):
        recent.add(told.task_id, told.result, "key", 1.0)
    (picture,) = recent.listed()
    with pytest.raises(EntryNotFound):
        recent.picture(picture.id)


def test_thumbnails_whose_sender_went_away_do_not_pile_up(clock: Clock) -> None:
    recent = Recent(4, clock)
    for _ in range(100):
        recent.thumbnail(drawn(outcome(at(1)), jpeg(1)))
    assert len(recent._pending) == 32
    clock.now += 61
    recent.tick()
    assert not recent._pending
