"""A threshold in plain words: pure."""

from __future__ import annotations

from manyeyes.api.people import Threshold
from manyeyes.wording import several


def one_in(rate: float) -> str:
    """A chance as `1 in 1,000`; `nearly always` and `practically never` at the ends."""
    if rate >= 0.95:
        return "nearly always"
    if rate < 1e-12:
        return "practically never"
    if rate > 0.2:
        return f"{100 * rate:.0f} in 100"
    return f"1 in {_two_digits(1 / rate):,}"


def facts(found: Threshold) -> dict[str, str]:
    """What it is and what follows from it."""
    people = several(found.people, "person", "people")
    photos = several(found.photos, "photo")
    known = found.fmr is not None and found.miss_rate is not None
    unknown = "not known: this pack has no calibration"
    return {
        "Largest distance": f"{found.threshold:.3f}",
        "Set": _how(found),
        "A stranger gets some name": _chance(found) if known else unknown,
        "A person with one photo gets no name": one_in(found.miss_rate or 0.0) if known else unknown,
        "For": f"{people} with {photos}, in {found.pack}",
    }


def notes(found: Threshold) -> list[str]:
    """What should be known beside it."""
    said = list(found.notes)
    if found.extrapolated and found.people:
        said.append("No two strangers in the measurement were so near: the chance is estimated, not counted.")
    return said


def _chance(found: Threshold) -> str:
    if not found.people:
        return "never: nobody is enrolled"
    return one_in(found.fmr or 0.0) + (", estimated" if found.extrapolated else "")


def _how(found: Threshold) -> str:
    if found.mode == "fmr" and found.asked_fmr is not None:
        return f"by a false-match rate of {found.asked_fmr:g}; it changes when people are added or removed"
    return "as a distance" if found.mode == "distance" else "by default, as the pack says"


def _two_digits(number: float) -> int:
    whole = round(number)
    digits = len(str(whole))
    return round(whole, 2 - digits) if digits > 2 else whole
