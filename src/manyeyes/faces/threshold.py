"""The distance up to which a face gets a name: the operator's rule, and the threshold for the gallery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

from manyeyes.api.people import Threshold
from manyeyes.errors import ThresholdRefused
from manyeyes.recognition.matching.calibration import LARGEST_FMR, Calibration
from manyeyes.store.settings import ThresholdRuleRow
from manyeyes.wording import in_percent

Mode = Literal["default", "fmr", "distance"]

WARN_ABOVE_FMR = 0.01
WARN_ABOVE_MISS_RATE = 0.25
LARGEST_DISTANCE = 2.0


@dataclass(frozen=True)
class Rule:
    """`default`; `fmr`: the chance `value` that a stranger gets any name; `distance`: `value` itself.

    A distance belongs to the embedder that it was set for: others have other distances.
    """

    mode: Mode = "default"
    value: float = 0.0
    embedder: str = ""

    @classmethod
    def stored(cls, row: ThresholdRuleRow | None) -> Rule:
        """A rule as it is kept."""
        return cls(cast(Mode, row.mode), row.value, row.embedder) if row else cls()

    @property
    def row(self) -> ThresholdRuleRow | None:
        """The rule as it is kept; None for the default."""
        return None if self.mode == "default" else ThresholdRuleRow(self.mode, self.value, self.embedder)


class InUse(NamedTuple):
    """The pack in use, its embedder, and the distance that the pack takes where no rule says otherwise."""

    pack: str
    embedder: str
    default: float


def make_rule(mode: str, value: float | None, used: InUse, calibration: Calibration | None) -> Rule:
    """A rule as an operator sets it.

    Raises:
        ThresholdRefused: the figure is out of bounds, or the pack has no calibration to follow a rate.
    """
    if mode == "default":
        return Rule()
    if mode == "distance":
        if value is None or not 0 < value <= LARGEST_DISTANCE:
            raise ThresholdRefused(
                f"the distance {value} is not above 0 and at most {LARGEST_DISTANCE:g}; "
                f"the default is {used.default:g}"
            )
        return Rule("distance", value, used.embedder)
    if value is None or not 0 < value <= LARGEST_FMR:
        raise ThresholdRefused(
            f"the false-match rate {value} is not above 0 and at most {LARGEST_FMR:g}; try 1e-3"
        )
    if calibration is None:
        raise ThresholdRefused(
            f"the pack {used.pack} has no calibration, so no threshold follows from a false-match rate; "
            "give one by --distance, or use a pack whose pack.toml has a [calibration] table"
        )
    return Rule("fmr", value, used.embedder)


def follow(
    rule: Rule, calibration: Calibration | None, photo_counts: Mapping[int, int], used: InUse
) -> Threshold:
    """The threshold that a rule gives for a gallery of {photos: people}.

    A rate that was asked for gets no advice to ask for one.
    """
    notes: list[str] = []
    counts = [count for count, people in photo_counts.items() for _ in range(people)]
    effective = calibration.comparisons(counts) if calibration else 0.0
    mode, distance = rule.mode, used.default
    if mode == "distance" and rule.embedder != used.embedder:
        mode = "default"
        notes.append(
            f"the distance {rule.value:g} was set for the embedder {rule.embedder}, but {used.embedder} is in use, so the default counts; set it again"
        )
    elif mode == "distance":
        distance = rule.value
    elif mode == "fmr" and calibration is None:
        mode = "default"
        notes.append(f"the rate {rule.value:g} cannot be followed: the pack {used.pack} has no calibration")
    elif mode == "fmr" and calibration is not None:
        distance = calibration.threshold_for(rule.value, effective)
    fmr = calibration.open_set_fmr(distance, effective) if calibration else None
    extrapolated = (
        calibration is not None and calibration.false_match_rate(distance) < calibration.shown_to_rate
    )
    if fmr is not None and fmr > WARN_ABOVE_FMR and mode != "fmr":
        notes.append(
            f"{in_percent(fmr)} of strangers get a name; 'manyeyes people threshold --fmr 1e-2' allows 1 %"
        )
    miss_rate = calibration.miss_rate(distance) if calibration else None
    if miss_rate is not None and miss_rate > WARN_ABOVE_MISS_RATE:
        notes.append(
            f"{in_percent(miss_rate)} of the pictures of a person with one photo get no name; enrol "
            "several photos of each person, or allow a larger rate"
        )
    return Threshold(
        mode=mode,
        threshold=distance,
        asked_fmr=rule.value if mode == "fmr" else None,
        fmr=fmr,
        miss_rate=miss_rate,
        people=len(counts),
        photos=sum(counts),
        pack=used.pack,
        extrapolated=extrapolated,
        notes=tuple(notes),
    )
