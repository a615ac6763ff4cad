"""A threshold in plain words."""

from __future__ import annotations

from typing import Any

import pytest

from manyeyes.api.people import Threshold
from manyeyes.console.pages.settings.meaning import facts, notes, one_in


def _threshold(**told: Any) -> Threshold:
    usual = {
        "mode": "default",
        "threshold": 0.58,
        "asked_fmr": None,
        "fmr": 0.0123,
        "miss_rate": 0.031,
        "people": 3,
        "photos": 4,
        "pack": "faces@1",
        "extrapolated": False,
    }
    return Threshold(**{**usual, **told})


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (1.0, "nearly always"),
        (0.34, "34 in 100"),
        (0.031, "1 in 32"),
        (1e-2, "1 in 100"),
        (1.234e-4, "1 in 8,100"),
        (1e-6, "1 in 1,000,000"),
        (0.0, "practically never"),
    ],
)
def test_a_chance_is_said_as_one_in_so_many(rate: float, said: str) -> None:
    assert one_in(rate) == said


def test_what_follows_from_a_threshold() -> None:
    told = facts(_threshold(mode="fmr", asked_fmr=1e-3, extrapolated=True))
    assert told["Largest distance"] == "0.580"
    assert told["Set"] == "by a false-match rate of 0.001; it changes when people are added or removed"
    assert told["A stranger gets some name"] == "1 in 81, estimated"
    assert told["For"] == "3 people with 4 photos, in faces@1"
    assert "not counted" in notes(_threshold(extrapolated=True))[-1]


def test_what_is_not_known_is_said() -> None:
    told = facts(_threshold(fmr=None, miss_rate=None, notes=("a note",)))
    assert told["A stranger gets some name"] == told["A person with one photo gets no name"]
    assert "no calibration" in told["A stranger gets some name"]
    assert facts(_threshold(people=0, photos=0))["A stranger gets some name"] == "never: nobody is enrolled"
    assert notes(_threshold(notes=("a note",))) == ["a note"]
