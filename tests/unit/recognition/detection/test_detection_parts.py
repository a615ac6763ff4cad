"""The fast parts of detection against plain ones that say what they mean."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from manyeyes.recognition.detection import pyramid
from manyeyes.recognition.detection.boxes import square, suppress, suppress_within


def overlap(a: np.ndarray, b: np.ndarray, *, of_smaller: bool) -> float:
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    areas = [float(np.prod(np.maximum(box[2:] - box[:2], 0))) for box in (a, b)]
    shared = float(np.prod(sides))
    return shared / (min(areas) if of_smaller else sum(areas) - shared)


def greedy(boxes: np.ndarray, scores: np.ndarray, limit: float, *, of_smaller: bool) -> list[int]:
    kept: list[int] = []
    for place in np.argsort(-scores, kind="stable").tolist():
        if all(overlap(boxes[place], boxes[k], of_smaller=of_smaller) <= limit for k in kept):
            kept.append(place)
    return kept


@pytest.mark.parametrize("seed", range(12))
def test_suppression_keeps_what_the_plain_loop_keeps(seed: int) -> None:
    random = np.random.default_rng(seed)
    corner = random.uniform(-10, 90, (80, 2))
    boxes = np.hstack([corner, corner + random.uniform(4, 60, (80, 2))])
    scores = random.normal(0, 2, 80).astype(np.float32)
    limit = (0.3, 0.5, 0.7)[seed % 3]
    assert suppress(boxes, scores, limit).tolist() == greedy(boxes, scores, limit, of_smaller=False)
    assert suppress_within(boxes, scores, limit).tolist() == greedy(boxes, scores, limit, of_smaller=True)


def test_nothing_to_suppress() -> None:
    none, scores = np.zeros((0, 4)), np.zeros(0, np.float32)
    assert suppress(none, scores, 0.5).shape == suppress_within(none, scores, 0.5).shape == (0,)
    assert square(none).shape == (0, 4)


def test_levels_are_halves_and_then_the_searched_sizes() -> None:
    image = np.random.default_rng(0).integers(0, 256, (601, 803, 3), np.uint8)
    levels = pyramid.build(image, first_scale=0.22, factor=0.709, smallest_px=12)
    assert [level.searched for level in levels] == [False] * 3 + [True] * (len(levels) - 3)
    assert [level.image.shape[:2] for level in levels[:4]] == [(601, 803), (300, 401), (150, 200), (132, 176)]
    for level in levels[3:]:
        height, width = level.image.shape[:2]
        assert abs(level.scale_xy - [width / 803, height / 601]).max() < 2e-3
    assert 601 * 0.22 * 0.709 ** (len(levels) - 4) >= 12 > 601 * 0.22 * 0.709 ** (len(levels) - 3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (5, 3), (11, 400), (12, 12)])
def test_slivers_have_levels(shape: tuple[int, int]) -> None:
    levels = pyramid.build(np.zeros((*shape, 3), np.uint8), first_scale=0.3, factor=0.709, smallest_px=12)
    assert levels[0].image.shape[:2] == shape
    assert not any(level.searched for level in levels)


def test_crops_come_from_the_smallest_level_with_the_detail_and_are_grey_outside() -> None:
    image = np.random.default_rng(1).integers(0, 256, (400, 400, 3), np.uint8)
    levels = pyramid.build(image, first_scale=0.25, factor=0.5, smallest_px=12)
    boxes = np.array(
        [[10, 20, 58, 68], [100, 100, 196, 196], [-40, 30, 8, 78], [380, 380, 428, 428], [900, 0, 950, 50]],
        float,
    )
    found = pyramid.crops(levels, boxes, 48)
    assert np.array_equal(found[0], image[20:68, 10:58])
    assert np.array_equal(found[1], levels[1].image[50:98, 50:98])
    assert np.array_equal(found[2][:, 40:], image[30:78, :8]) and (found[2][:, :40] == pyramid.BORDER).all()
    assert np.array_equal(found[3][:20, :20], image[380:, 380:]) and (found[3][20:] == pyramid.BORDER).all()
    assert (found[4] == pyramid.BORDER).all()


def test_a_crop_that_is_scaled_is_what_opencv_makes_of_the_part() -> None:
    image = np.random.default_rng(2).integers(0, 256, (100, 100, 3), np.uint8)
    levels = [pyramid.Level(image, np.ones(2), True)]
    seen = pyramid.crops(levels, np.array([[10.2, 5.6, 73.4, 68.8]]), 24)[0]
    assert np.array_equal(seen, cv2.resize(image[6:69, 10:73], (24, 24)))
