"""People: who is enrolled, with which photos, feedback, and the threshold for names."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from manyeyes.api.model import Answer, Body, Moment
from manyeyes.person_names import MAX_NAME_CHARACTERS
from manyeyes.results import Caution

MAX_IDS = 1000
MAX_ENROLMENT_PHOTOS = 50
_MAX_REFERENCE_CHARACTERS = 10_000


class Photo(Answer):
    """One enrolled photo."""

    id: int
    """Names it in other calls."""
    sha256: str = ""
    """Of the file that was enrolled: who has the file can see that it need not be sent again."""
    file_name: str
    """As it was given."""
    source: Literal["enrolled", "feedback", "kept"]
    """`kept`: an unknown face that was given a name."""
    added_at: Moment
    """When it was enrolled."""
    warnings: tuple[Caution, ...] = ()
    """What is worth knowing about it."""
    has_image: bool = False
    """Whether its portrait can be fetched."""


class AddedPhoto(Answer):
    """A photo as it was just enrolled."""

    file_name: str
    """As it was given."""
    photo_id: int
    """Names it in other calls."""
    box_xyxy_px: tuple[int, int, int, int] | None
    """Of the face, in the photo as a person sees it; null for a face that was kept."""
    is_new: bool = True
    """False if the person had this photo before."""
    warnings: tuple[Caution, ...] = ()
    """What is worth knowing about it."""


class Feedback(Answer):
    """One piece of feedback that counts: a face is, or is not, `name`."""

    id: str
    """Names it in other calls, as `is-3` or `not-4`."""
    verdict: Literal["is", "not"]
    """Whether the face is the person's."""
    name: str
    """The person."""
    file_name: str
    """The picture's, as it was given."""
    added_at: Moment
    """When it was given."""
    warnings: tuple[Caution, ...] = ()
    """Only when it is given."""


class FeedbackList(Answer):
    """All feedback that counts, oldest first."""

    feedback: tuple[Feedback, ...]
    """All of it."""


class Merge(Answer):
    """A merge of two people that can be undone."""

    id: int
    """Names it in other calls."""
    name: str
    """The name that was given up."""
    into: str
    """Who has the photos now."""
    merged_at: Moment
    """When it was done."""
    until: Moment
    """Until when it can be undone."""


class Merges(Answer):
    """The merges that can be undone, oldest first."""

    merges: tuple[Merge, ...]
    """All of them."""


class MergePreview(Answer):
    """What is worth knowing before two people are merged."""

    name: str
    """Who gives up the name."""
    photos: int
    """How many they have."""
    into: str
    """Who gets the photos."""
    into_photos: int
    """How many they have."""
    distance: float | None
    """Between the two nearest photos of both; null if the pack in use has no embedding of one of them."""
    usual: float
    """Two photos of one person are usually nearer than this."""
    is_far: bool
    """Whether they are farther apart than usual, or cannot be compared: they may be two people."""
    sentence: str
    """The same in words."""


class Person(Answer):
    """Somebody enrolled."""

    id: int = 0
    """Of nobody else, ever; the audit log names people by it."""
    name: str
    """It names the person in answers and in other calls."""
    photos: int
    """How many are enrolled."""
    added_at: Moment | None = None
    """When the name was first enrolled."""
    warnings: tuple[Caution, ...] = ()
    """Only from enrolling and renaming: what is worth knowing about the name, and about the new photos."""
    added: tuple[AddedPhoto, ...] = ()
    """Only from enrolling: the new photos one by one."""
    photos_detail: tuple[Photo, ...] = ()
    """Only of a single person."""
    feedback: tuple[Feedback, ...] = ()
    """Only of a single person: what would go with them, beside the photos."""
    merges: tuple[Merge, ...] = ()
    """Only of a single person: who was merged into them, as far as that can be undone."""
    merge: Merge | None = None
    """Only from merging, and from undoing it: which merge."""


class People(Answer):
    """Everybody enrolled."""

    people: tuple[Person, ...]
    """All of them, by name."""


class Rename(Body):
    """A person's new name."""

    name: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS)
    """The new one; nobody else may have it, in any case. It is composed (NFC), with single blanks."""


class NamesRequest(Body):
    """People of results."""

    ids: tuple[str, ...] = Field(max_length=MAX_IDS)
    """`person_id` of faces in results of this master."""


class PersonNow(Answer):
    """Who a person of a result is now."""

    id: str
    """`person_id` in new results: after a merge, that of the other person."""
    name: str
    """What they are called now."""


class Names(Answer):
    """Who the people of results are now."""

    people: dict[str, PersonNow | None]
    """By the id that was asked for; null for somebody who was removed. An id that this master did not give is not in it."""


class MergeRequest(Body):
    """The person who gets the photos and the feedback."""

    into: str
    """Their name."""


class ThresholdRequest(Body):
    """A false-match rate or a distance; neither for the default."""

    fmr: float | None = Field(None, description="The chance that a stranger gets any name.")
    distance: float | None = Field(None, description="Up to which a name is given.")

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
    """Which rule is in force."""
    threshold: float
    """Up to this distance a name is given."""
    asked_fmr: float | None
    """The rate that was asked for, with the rule `fmr`."""
    fmr: float | None
    """The chance that a stranger gets any name."""
    miss_rate: float | None
    """The share of the pictures of a person with one photo that get no name."""
    people: int
    """How many are enrolled."""
    photos: int
    """How many of them the gallery has."""
    pack: str
    """The pack in use."""
    extrapolated: bool
    """Whether `fmr` rests on distances smaller than any measured between strangers."""
    notes: tuple[str, ...] = ()
    """What else is worth knowing, in sentences."""


class Findings(Answer):
    """What is worth an operator's look among everybody enrolled."""

    findings: tuple[Caution, ...]
    """Doubles, people too close to each other, odd photos."""


class FeedbackRequest(Body):
    """Who a face is, or is not."""

    reference: str = Field(max_length=_MAX_REFERENCE_CHARACTERS)
    """`reference` of a face in a result of this master."""
    verdict: Literal["is", "not"]
    """Whether the face is the person's."""
    name: str
    """The person; with `is` somebody new too."""
    file_name: str = Field("", max_length=1000)
    """The picture's, for the list of feedback."""
