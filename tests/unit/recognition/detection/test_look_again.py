"""Looking again, with a detector that says what it was shown."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data as samples

from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.detection import look_again
from manyeyes.recognition.detection.detections import NOTHING, Detections

LANDMARKS = np.array([[40, 40], [60, 40], [50, 50], [42, 60], [58, 60]], np.float32)


def one(box: tuple[float, ...], landmarks: np.ndarray = LANDMARKS) -> Detections:
    return Detections(np.array([box], np.float32), np.ones(1, np.float32), landmarks[None])


class Eye:
    """Answers its looks in turn, then nothing; remembers what it was shown."""

    def __init__(self, *answers: Detections) -> None:
        self.answers = list(answers)
        self.shown: list[Bytes] = []

    def __call__(self, image: Bytes) -> Detections:
        self.shown.append(image)
        return self.answers.pop(0) if self.answers else NOTHING


def test_one_look_is_enough_where_it_finds_something() -> None:
    eye = Eye(one((30, 30, 70, 70)))
    assert len(look_again.look(eye, np.full((100, 100, 3), 90, np.uint8))) == 1
    assert len(eye.shown) == 1


def test_what_a_border_shows_is_told_in_the_pictures_own_pixels() -> None:
    eye = Eye(NOTHING, one((55, 55, 95, 95), LANDMARKS + 25))
    found = look_again.look(eye, np.full((100, 100, 3), 90, np.uint8))
    assert eye.shown[1].shape == (150, 150, 3)
    assert np.allclose(found.boxes_xyxy_px, [[30, 30, 70, 70]])
    assert np.allclose(found.landmarks_px[0], LANDMARKS)


def test_further_looks_at_a_large_picture_are_small_ones() -> None:
    eye = Eye(NOTHING, one((55 + 135, 55, 95 + 135, 95), LANDMARKS))
    found = look_again.look(eye, np.full((1280, 640, 3), 90, np.uint8))
    assert max(eye.shown[1].shape) == 640 + 2 * 160
    assert np.allclose(found.boxes_xyxy_px[0, 2] - found.boxes_xyxy_px[0, 0], 80)


@pytest.mark.parametrize(("light", "count"), [(90, 7), (20, 8)])
def test_only_a_dark_picture_is_brightened(light: int, count: int) -> None:
    eye = Eye()
    assert not len(look_again.look(eye, np.full((100, 100, 3), light, np.uint8)))
    assert len(eye.shown) == count


def test_brightening_brings_a_dark_picture_to_a_usual_light() -> None:
    dark = (samples.astronaut()[:, :, ::-1] * 0.1).astype(np.uint8)
    lit = look_again.brightened(dark)
    assert lit is not None
    assert 90 < lit.mean() < 150
    assert look_again.brightened(samples.astronaut()) is None


TURNS = (*look_again.TURNS_DEGREES, *look_again.LYING_DEGREES)


@pytest.mark.parametrize("degrees", TURNS)
def test_what_a_turned_picture_shows_is_turned_back(degrees: float) -> None:
    """A dot, found by its light wherever the turning has put it, comes back to its own place."""
    picture = np.full((200, 300, 3), 90, np.uint8)
    picture[48:53, 218:223] = 255
    shown: list[Bytes] = []

    def find(image: Bytes) -> Detections:
        shown.append(image)
        if len(shown) < 3 + TURNS.index(degrees):
            return NOTHING
        rows, columns = np.nonzero(image[:, :, 0] > 200)
        dot = np.array([columns.mean(), rows.mean()], np.float32)
        return one((dot[0] - 20, dot[1] - 20, dot[0] + 20, dot[1] + 20), np.tile(dot, (5, 1)))

    found = look_again.look(find, picture)
    assert np.allclose(found.landmarks_px[0], [220, 50], atol=1)
    assert np.allclose(found.boxes_xyxy_px[0], [200, 30, 240, 70], atol=1)


def test_a_turned_picture_must_show_a_face_for_sure() -> None:
    unsure = Detections(
        np.array([[30, 30, 70, 70]], np.float32), np.array([0.94], np.float32), LANDMARKS[None]
    )
    eye = Eye(NOTHING, NOTHING, unsure, unsure)
    assert not len(look_again.look(eye, np.full((100, 100, 3), 90, np.uint8)))


@pytest.mark.parametrize(("where", "count"), [((30, 30, 70, 70), 1), ((60, 30, 100, 70), 0)])
def test_a_face_on_its_head_must_be_found_at_two_sizes(where: tuple[int, ...], count: int) -> None:
    first = one((30, 30, 70, 70))
    second = one(tuple(look_again.CONFIRM_SCALE * edge for edge in where))
    eye = Eye(NOTHING, NOTHING, NOTHING, NOTHING, first, second)
    assert len(look_again.look(eye, np.full((60, 80, 3), 90, np.uint8))) == count
    assert eye.shown[5].shape[0] == pytest.approx(look_again.CONFIRM_SCALE * eye.shown[4].shape[0], abs=2)


@pytest.mark.parametrize(
    ("quarters", "degrees"),
    [(0, None), (1, -90.0), (2, 180.0), (3, 90.0)],
    ids=["upright", "90", "180", "270"],
)
def test_faces_that_were_found_lying_are_searched_upright(quarters: int, degrees: float | None) -> None:
    """`rot90` turns counterclockwise, and so the picture has to be turned clockwise (negative degrees)."""
    turn = np.linalg.matrix_power(np.array([[0, 1], [-1, 0]]), quarters).T
    lying = one((30, 30, 70, 70), ((LANDMARKS - 50) @ turn + 50).astype(np.float32))
    assert look_again.lie_by(lying) == degrees
    if degrees is None:
        return
    upright = one((30, 30, 70, 70))
    again = one(tuple(look_again.CONFIRM_SCALE * edge for edge in (30, 30, 70, 70)))
    eye = Eye(lying, upright, again)
    found = look_again.look(eye, np.full((100, 100, 3), 90, np.uint8))
    assert len(eye.shown) == 3 and len(found) == 1
    assert not np.allclose(found.landmarks_px, lying.landmarks_px)
    kept = look_again.look(Eye(lying), np.full((100, 100, 3), 90, np.uint8))
    assert np.array_equal(kept.landmarks_px, lying.landmarks_px), "nothing is found upright"


def test_one_who_lies_among_others_turns_no_picture() -> None:
    down = LANDMARKS[:, ::-1].copy()
    among = Detections(np.zeros((3, 4), np.float32), np.ones(3), np.stack([LANDMARKS, LANDMARKS, down]))
    assert look_again.lie_by(among) is None
