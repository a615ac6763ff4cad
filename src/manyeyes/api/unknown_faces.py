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
    """Whether they are."""
    for_s: float | None
    """How long each; null while none are kept."""
    since: Moment | None
    """When that was set; null where it never was."""
    kept: int
    """How many there are."""
    most: int
    """How many there may be; the oldest go first."""


class UnknownFace(Answer):
    """One kept face."""

    id: int
    """Names it in other calls."""
    seen_at: Moment
    """When its picture was answered."""
    width_px: int
    """Its shorter side in the picture that was sent."""
    sharpness: float
    """Larger is sharper."""
    warnings: tuple[Caution, ...] = ()
    """As an enrolment would give them."""
    task_id: str = ""
    """Of the picture that it is from."""
    trace_id: str = ""
    """Of the picture that it is from."""


class NearestPerson(Answer):
    """The enrolled person nearest to a group."""

    name: str
    """Who it is."""
    distance: float
    """Between the group and the nearest of their photos."""
    known: bool
    """Whether the distance is within the threshold: the person was enrolled after the faces were seen."""
    near: bool = True
    """Whether it may be the right person. Somebody is always nearest, to a stranger too."""


class UnknownGroup(Answer):
    """Faces that are alike; the best ones first."""

    id: int
    """Names it in other calls."""
    count: int
    """How many faces it has."""
    first_seen: Moment
    """When the first of them was seen."""
    last_seen: Moment
    """When the last of them was seen."""
    face_ids: tuple[int, ...]
    """Of all of them."""
    faces: tuple[UnknownFace, ...]
    """At most 50 of them, with their facts."""
    nearest: NearestPerson | None
    """Null while nobody is enrolled."""


class Unknown(Answer):
    """The unknown faces, last seen first."""

    retention: Retention
    """Whether any are kept."""
    groups: tuple[UnknownGroup, ...]
    """At most as many as were asked for."""
    more_groups: int = 0
    """How many groups are not in the answer."""


class NameRequest(Body):
    """The person that a group of faces shows."""

    name: str
    """Somebody new, or known."""
    face_ids: list[int] = Field([], max_length=MAX_ENROLMENT_PHOTOS)
    """The faces of the group that show the person; without them all of it."""


class Dismissed(Answer):
    """How many faces were dismissed."""

    dismissed: int
    """The faces of the group."""
