"""People: who is enrolled, with which photos, feedback, and the threshold for names."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from manyeyes.api.model import Answer, Body, Moment
from manyeyes.results import Caution

MAX_NAME_CHARACTERS = 200
MAX_ENROLMENT_PHOTOS = 50
_MAX_REFERENCE_CHARACTERS = 10_000


class Photo(Answer):
    """One enrolled photo."""

    id: int
    file_name: str
    source: Literal["enrolled", "feedback", "kept"]
    """`kept`: an unknown face that was given a name."""
    added_at: Moment
    warnings: tuple[Caution, ...] = ()
    has_image: bool = False
    """Whether its portrait can be fetched."""


class AddedPhoto(Answer):
    """A photo as it was just enrolled."""

    file_name: str
    photo_id: int
    box_xyxy_px: tuple[int, int, int, int] | None
    """Of the face, in the photo as a person sees it; null for a face that was kept."""
    warnings: tuple[Caution, ...] = ()


class Feedback(Answer):
    """One piece of feedback that counts: a face is, or is not, `name`."""

    id: str
    verdict: Literal["is", "not"]
    name: str
    file_name: str
    added_at: Moment
    warnings: tuple[Caution, ...] = ()
    """Only when it is given."""


class FeedbackList(Answer):
    """All feedback that counts, oldest first."""

    feedback: tuple[Feedback, ...]


class Person(Answer):
    """Somebody enrolled."""

    name: str
    photos: int
    added_at: Moment | None = None
    warnings: tuple[Caution, ...] = ()
    """Only from enrolling: what is worth knowing about the new photos."""
    added: tuple[AddedPhoto, ...] = ()
    """Only from enrolling: the new photos one by one."""
    photos_detail: tuple[Photo, ...] = ()
    """Only of a single person."""
    feedback: tuple[Feedback, ...] = ()
    """Only of a single person: what would go with them, beside the photos."""


class People(Answer):
    """Everybody enrolled."""

    people: tuple[Person, ...]


class Rename(Body):
    """A person's new name."""

    name: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS)


class MergeRequest(Body):
    """The person who gets the photos and the feedback."""

    into: str


class ThresholdRequest(Body):
    """A false-match rate or a distance; neither for the default."""

    fmr: float | None = None
    """The chance that a stranger gets any name."""
    distance: float | None = None

    @model_validator(mode="after")
    def _one_at_most(self) -> ThresholdRequest:
        if self.fmr is not None and self.distance is not None:
            raise ValueError("give a false-match rate or a distance, not both")
        return self

    @property
    def rule(self) -> tuple[str, float | None]:
        """The kind of rule, and its figure."""
        if self.fmr is not None:
            return "fmr", self.fmr
        return ("default", None) if self.distance is None else ("distance", self.distance)


class Threshold(Answer):
    """Up to which distance a name is given, and what that means for the gallery as it is.

    The rates are null where the pack has no calibration.
    """

    mode: Literal["default", "fmr", "distance"]
    threshold: float
    asked_fmr: float | None
    fmr: float | None
    """The chance that a stranger gets any name."""
    miss_rate: float | None
    """How often somebody enrolled with one photo goes without their name."""
    people: int
    photos: int
    pack: str
    extrapolated: bool
    """Whether `fmr` rests on distances smaller than any measured between strangers."""
    notes: tuple[str, ...] = ()


class Findings(Answer):
    """What is worth an operator's look among everybody enrolled."""

    findings: tuple[Caution, ...]


class FeedbackRequest(Body):
    """Who a face is, or is not."""

    reference: str = Field(max_length=_MAX_REFERENCE_CHARACTERS)
    """`reference` of a face in a result of this master."""
    verdict: Literal["is", "not"]
    name: str
    file_name: str = Field("", max_length=1000)
    """The picture's, for the list of feedback."""
