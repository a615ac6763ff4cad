from __future__ import annotations

import numpy as np
import pytest

from manyeyes.packs.build import CALIBRATION
from manyeyes.recognition.enrolment import likeness
from manyeyes.recognition.enrolment.likeness import Limits, Near, Photos, check, nearest_people, new_photo

LIMITS = Limits.of(0.58, CALIBRATION)


def people(
    spread: float = 0.3, photos: int = 3, count: int = 6, apart: float = 0.85
) -> tuple[list[str], np.ndarray]:
    """Photos of each person about `spread` apart, people about `apart`."""
    random = np.random.default_rng(3)
    centres = np.eye(128, dtype=np.float32)[:count] * apart / 2**0.5
    noise = random.normal(size=(count, photos, 128)) * spread / 2**0.5 / 128**0.5
    names = [f"p{person}" for person in range(count) for _ in range(photos)]
    return names, (centres[:, None] + noise).reshape(-1, 128).astype(np.float32)


def told(
    names: list[str], rows: np.ndarray, limits: Limits = LIMITS
) -> list[tuple[str, tuple[str, ...], int | None]]:
    photos = Photos(names, rows, list(range(100, 100 + len(names))), [f"{n}.jpg" for n in range(len(names))])
    return [(caution.kind, caution.people, caution.photo_id) for caution in check(photos, limits)]


def test_good_photos_of_different_people_need_nothing() -> None:
    assert told(*people()) == []
    assert told([], np.zeros((0, 128), np.float32)) == []


def test_one_person_under_two_names_is_a_double_and_nothing_else() -> None:
    names, rows = people()
    names[15:] = ["again"] * 3
    rows[15:] = rows[:3] + np.float32(0.01)
    assert told(names, rows) == [("double", ("p0", "again"), None)]


def test_two_people_within_the_threshold_are_too_close() -> None:
    names, rows = people(spread=0.4, apart=0.85)
    rows[3:6] += (rows[0:3].mean(axis=0) - rows[3:6].mean(axis=0)) * np.float32(0.62)
    found = told(names, rows)
    assert ("too-close", ("p0", "p1"), None) in found
    assert not [kind for kind, _, _ in found if kind == "double"]
    wide = [entry for entry in told(*people(), Limits.of(1.2, CALIBRATION)) if entry[0] == "too-close"]
    assert len(wide) == 15  # with a careless threshold, all pairs


def test_a_photo_under_the_wrong_name_is_told_and_makes_no_double() -> None:
    names, rows = people()
    rows[4] = rows[7] + np.float32(0.01)
    assert told(names, rows) == [("mislabelled", ("p1", "p2"), 104)]


def test_a_photo_like_nobody_is_an_outlier() -> None:
    names, rows = people()
    rows[4] = np.eye(128, dtype=np.float32)[90]
    assert told(names, rows) == [("outlier", ("p1",), 104)]


def test_too_little_variety() -> None:
    names, rows = people()
    rows[3:6] = rows[3] + np.random.default_rng(1).normal(size=(3, 128)).astype(np.float32) * 0.01
    assert told(names, rows) == [("alike", ("p1",), None)]
    assert told(*people(photos=1)) == [("one-photo", tuple(f"p{n}" for n in range(6)), None)]


def test_blocks_give_what_one_piece_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    names, rows = people(spread=0.45, photos=4, count=20, apart=0.45)
    rows[4] = np.eye(128, dtype=np.float32)[90]
    wide = Limits.of(0.66, CALIBRATION)
    whole = told(names, rows, wide)
    assert len({kind for kind, _, _ in whole}) >= 2
    monkeypatch.setattr(likeness, "_BLOCK_ROWS", 7)
    assert told(names, rows, wide) == whole
    monkeypatch.setattr(likeness, "MOST_PAIRS", 5)
    fewer = told(names, rows, wide)
    assert sum(kind == "too-close" for kind, _, _ in fewer) == 5 and ("more-too-close", (), None) in fewer


def test_nearest_people_are_the_nearest_photo_of_each() -> None:
    names, rows = people()
    photos = Photos(names, rows, range(18), [f"{n}.jpg" for n in range(18)])
    (found,) = nearest_people(rows[4:5], photos, 1.2)
    assert found[0] == Near("p1", 0.0, "4.jpg") and len(found) == 6
    exact = np.linalg.norm(rows - rows[4], axis=1)
    for near in found:
        assert near.distance == pytest.approx(
            min(d for d, n in zip(exact, names, strict=True) if n == near.name)
        )
    assert [near.name for near in nearest_people(rows[4:5], photos, 0.5)[0]] == ["p1"]


def test_a_new_photo_is_compared_at_once() -> None:
    same, strange = new_photo("a.jpg", [Near("Bob", 0.31, "b.jpg")], 0.9, LIMITS)
    assert (same.kind, same.people, same.value) == ("same-face", ("Bob",), 0.31)
    assert (strange.kind, strange.value) == ("unlike", 0.9)
    assert new_photo("a.jpg", [Near("Bob", 0.7, "b.jpg")], None, Limits.of(1.5, CALIBRATION)) == []
    assert new_photo("a.jpg", [Near("Bob", 0.4, "b.jpg")], None, Limits.of(0.1, CALIBRATION)) != []


def test_an_enrolment_and_a_check_say_one_limit_in_one_way() -> None:
    (at_once,) = new_photo("a.jpg", [Near("Bob", 0.31, "b.jpg")], None, LIMITS)
    names, rows = people(photos=1, count=2)
    rows[1] = rows[0] + np.eye(128, dtype=np.float32)[5] * 0.31
    later = check(Photos(names, rows, (1, 2), ("a.jpg", "b.jpg")), LIMITS)[0]
    assert (at_once.limit, later.limit) == (round(LIMITS.double, 3),) * 2
    said = f"up to {LIMITS.double:.2f} it is probably one person"
    assert f"(distance 0.31; {said})" in at_once.sentence and f"distance 0.31; {said})" in later.sentence
    (farther,) = new_photo("a.jpg", [Near("Bob", LIMITS.same_face - 0.01, "b.jpg")], None, LIMITS)
    assert f"up to {LIMITS.same_face:.2f} two people can be mixed up" in farther.sentence
    assert LIMITS.double < LIMITS.same_face == farther.limit


def test_without_calibration_limits_are_parts_of_the_threshold() -> None:
    limits = Limits.of(1.0, None)
    assert limits.alike < limits.double < limits.confusable < limits.unlike
