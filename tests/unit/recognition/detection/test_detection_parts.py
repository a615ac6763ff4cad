"""The fast parts of detection against plain ones that say what they mean."""

from __future__ import annotations

import numpy as np
import pytest

from manyeyes.recognition.detection.boxes import suppress, suppress_within


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
