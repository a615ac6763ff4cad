from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from manyeyes.recognition.matching.calibration import Calibration

MODEL = Calibration(
    impostor_mean=0.83,
    impostor_sd=0.09,
    tail_from=0.6,
    genuine_mean=0.435,
    genuine_sd=0.078,
    photos_exponent=0.9,
    shown_to_rate=1e-3,
    basis="a test",
)
FIELDS = MODEL.model_dump()


@given(st.floats(1e-6, 0.5), st.floats(1, 1e6))
def test_the_threshold_gives_the_rate_that_was_asked_for(fmr: float, comparisons: float) -> None:
    threshold = MODEL.threshold_for(fmr, comparisons)
    assert 0 <= threshold < 2
    if threshold > 0:
        assert MODEL.open_set_fmr(threshold, comparisons) == pytest.approx(fmr, rel=1e-6)
    else:
        assert MODEL.open_set_fmr(0.0, comparisons) >= fmr


def test_strangers_drawn_from_the_model_get_a_name_as_often_as_asked() -> None:
    random = np.random.default_rng(5)
    people, strangers = 40, 20_000
    distances = random.normal(0.83, 0.09, (strangers, people)).min(axis=1)
    for fmr in (0.3, 0.1, 0.05):
        named = float((distances <= MODEL.threshold_for(fmr, people)).mean())
        # a normal's own tail is lighter than the model's, so the rate may only be lower
        assert named < fmr + 3 * (fmr / strangers) ** 0.5
    wide = MODEL.model_copy(update={"tail_from": 0.4})
    named = float((distances <= wide.threshold_for(0.1, people)).mean())
    assert named == pytest.approx(0.1, abs=3 * (0.09 / strangers) ** 0.5)


def test_the_tail_is_heavier_than_a_normal_and_joins_it() -> None:
    below, above = MODEL.false_match_rate(0.6 - 1e-9), MODEL.false_match_rate(0.6 + 1e-9)
    assert below == pytest.approx(above, rel=1e-6)
    wide = MODEL.model_copy(update={"tail_from": 0.3})
    for distance in (0.55, 0.5, 0.4):
        assert MODEL.false_match_rate(distance) > wide.false_match_rate(distance)


@given(st.floats(0, 1.6), st.floats(0, 1.6), st.floats(1, 1e6), st.floats(0.01, 0.99))
def test_confidence_falls_with_distance_and_gallery(
    a: float, b: float, comparisons: float, prior: float
) -> None:
    near, far = sorted((a, b))
    one = MODEL.confidence(near, comparisons, prior)
    assert 0 <= MODEL.confidence(far, comparisons, prior) <= one <= 1
    assert MODEL.confidence(near, comparisons * 2, prior) <= one


def test_confidence_is_the_share_of_right_names() -> None:
    """Half of the faces are enrolled, half strangers; nearest names are counted by confidence."""
    random = np.random.default_rng(6)
    people, faces = 20, 60_000
    others = random.normal(0.83, 0.09, (faces, people)).min(axis=1)
    own = np.where(random.random(faces) < 0.5, random.normal(0.435, 0.078, faces), np.inf)
    nearest, right = np.minimum(own, others), own < others
    said = np.array([MODEL.confidence(float(d), people) for d in nearest])
    for low, high in ((0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 0.97)):
        inside = (said >= low) & (said < high)
        assert inside.sum() > 300
        # the model's heavier tail errs towards doubt: the names are right at least as often as said
        assert said[inside].mean() - 0.04 < right[inside].mean() < said[inside].mean() + 0.15


def test_photos_of_one_person_count_less_than_people() -> None:
    assert MODEL.comparisons([1, 1, 1]) == 3
    assert 4 < MODEL.comparisons([5]) < 5
    assert MODEL.comparisons([]) == 0 and MODEL.open_set_fmr(0.5, 0) == 0
    assert MODEL.threshold_for(0.01, 0) == MODEL.threshold_for(0.01, 1)


@pytest.mark.parametrize("fmr", [0, -1, 0.51, float("nan")])
def test_a_rate_that_is_none_is_refused(fmr: float) -> None:
    with pytest.raises(ValueError, match="false-match rate"):
        MODEL.threshold_for(fmr, 3)


@pytest.mark.parametrize(
    "change", [{"tail_from": 0.9}, {"impostor_sd": 0}, {"genuine_mean": float("inf")}, {"more": 1}]
)
def test_figures_that_make_no_model_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Calibration(**(FIELDS | change))
