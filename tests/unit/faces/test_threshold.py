from __future__ import annotations

import pytest

from manyeyes.errors import ThresholdRefused
from manyeyes.faces.threshold import InUse, Rule, follow, make_rule
from manyeyes.packs.build import CALIBRATION
from manyeyes.wording import in_percent

USED = InUse("faces@1", "dlib-1", 0.58)


def test_the_default_says_what_it_means() -> None:
    found = follow(Rule(), CALIBRATION, {1: 3, 4: 2}, USED)
    assert (found.mode, found.threshold, found.people, found.photos) == ("default", 0.58, 5, 11)
    assert found.fmr == pytest.approx(CALIBRATION.open_set_fmr(0.58, 3 + 2 * 4**0.9))
    assert found.miss_rate == pytest.approx(CALIBRATION.miss_rate(0.58))
    assert found.notes and f"{in_percent(found.fmr)} of strangers get a name" in found.notes[0]
    assert follow(Rule(), CALIBRATION, {1: 2}, USED).notes == ()


def test_a_rate_is_kept_as_people_come() -> None:
    rule = make_rule("fmr", 1e-3, USED, CALIBRATION)
    few, many = (follow(rule, CALIBRATION, counts, USED) for counts in ({1: 3}, {1: 300}))
    assert few.threshold > many.threshold
    assert few.fmr == pytest.approx(1e-3) and many.fmr == pytest.approx(1e-3)
    assert few.asked_fmr == 1e-3 and many.extrapolated and few.notes == ()
    assert "% of the pictures of a person with one photo get no name" in many.notes[0]
    assert follow(rule, CALIBRATION, {}, USED).threshold == CALIBRATION.threshold_for(1e-3, 1)


@pytest.mark.parametrize("rate", [1e-2, 5e-2])
def test_a_rate_that_was_asked_for_is_not_advised(rate: float) -> None:
    for people in range(1, 40):
        found = follow(make_rule("fmr", rate, USED, CALIBRATION), CALIBRATION, {1: people}, USED)
        assert found.fmr == pytest.approx(rate)
        assert not any("--fmr" in note for note in found.notes)


def test_a_distance_belongs_to_its_embedder() -> None:
    rule = make_rule("distance", 0.5, USED, None)
    assert follow(rule, None, {1: 1}, USED).threshold == 0.5
    other = follow(rule, CALIBRATION, {1: 1}, InUse("mine@1", "arcface-2", 1.1))
    assert (other.mode, other.threshold) == ("default", 1.1) and "set for the embedder dlib-1" in other.notes[
        0
    ]


def test_a_rate_needs_a_calibration() -> None:
    with pytest.raises(ThresholdRefused, match=r"faces@1 has no calibration.*--distance"):
        make_rule("fmr", 1e-3, USED, None)
    found = follow(Rule("fmr", 1e-3, "dlib-1"), None, {1: 1}, USED)
    assert (found.mode, found.threshold, found.fmr, found.miss_rate) == ("default", 0.58, None, None)
    assert "cannot be followed" in found.notes[0]


@pytest.mark.parametrize(
    ("mode", "value"),
    [("fmr", 0), ("fmr", 0.6), ("fmr", float("nan")), ("distance", 0), ("distance", 3), ("distance", None)],
)
def test_figures_out_of_bounds_are_refused(mode: str, value: float | None) -> None:
    with pytest.raises(ThresholdRefused, match="not above 0"):
        make_rule(mode, value, USED, CALIBRATION)


def test_a_rule_is_stored_and_read() -> None:
    assert Rule.stored(None) == Rule()
    rule = Rule("fmr", 0.001, "e")
    assert Rule.stored(rule.row) == rule and Rule().row is None
