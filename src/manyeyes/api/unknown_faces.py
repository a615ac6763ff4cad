"""Faces that got no name: what is kept of them, in groups of faces that are alike."""

from __future__ import annotations

from pydantic import Field

from manyeyes.api.model import Answer, Body, Moment
from manyeyes.api.people import MAX_ENROLMENT_PHOTOS
from manyeyes.results import Caution


class RetentionRequest(Body):
    """Whether unknown faces are kept."""

    for_s: float | None = None
    """For how many seconds each; null: none are kept, and those that are kept are deleted."""


class Retention(Answer):
    """Whether unknown faces are kept."""

    on: bool
    for_s: float | None
    """How long each; null while none are kept."""
    since: Moment | None
    kept: int
    """How many there are."""
    most: int
    """How many there may be; the oldest go first."""


class UnknownFace(Answer):
    """One kept face."""

    id: int
    seen_at: Moment
    width_px: int
    """Its shorter side in the picture that was sent."""
    sharpness: float
    warnings: tuple[Caution, ...] = ()
    task_id: str = ""
    trace_id: str = ""


class NearestPerson(Answer):
    """The enrolled person nearest to a group."""

    name: str
    distance: float
    known: bool
    """Whether the distance is within the threshold: the person was enrolled after the faces were seen."""


class UnknownGroup(Answer):
    """Faces that are alike; the best ones first."""

    id: int
    count: int
    first_seen: Moment
    last_seen: Moment
    face_ids: tuple[int, ...]
    faces: tuple[UnknownFace, ...]
    """At most 50 of them, with their facts."""
    nearest: NearestPerson | None


class Unknown(Answer):
    """The unknown faces, last seen first."""

    retention: Retention
    groups: tuple[UnknownGroup, ...]
    more_groups: int = 0
    """How many groups are not in the answer."""


class NameRequest(Body):
    """The person that a group of faces shows."""

    name: str
    face_ids: list[int] = Field([], max_length=MAX_ENROLMENT_PHOTOS)
    """The faces of the group that show the person; without them all of it."""


class Dismissed(Answer):
    """How many faces were dismissed."""

    dismissed: int
