"""Faces that got no name: what is kept of them, and what an operator does with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from manyeyes.results import Caution
from manyeyes.sdk.answers import Person
from manyeyes.sdk.parsing import parsed
from manyeyes.sdk.portraits import Call, SmallPicture, small_picture


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Retention(_Answer):
    """Whether unknown faces are kept."""

    on: bool
    for_s: float | None
    """How long each; None while none are kept."""
    since: datetime | None
    kept: int
    """How many there are."""
    most: int
    """How many there may be; the oldest go first."""


class UnknownFace(_Answer):
    """One kept face."""

    id: int
    seen_at: datetime
    width_px: int
    """Its shorter side in the picture that was sent."""
    sharpness: float
    warnings: tuple[Caution, ...] = ()
    task_id: str = ""
    trace_id: str = ""


class NearestPerson(_Answer):
    """The enrolled person nearest to a group."""

    name: str
    distance: float
    known: bool
    """Whether the distance is within the threshold: the person was enrolled after the faces were seen."""


class UnknownGroup(_Answer):
    """Faces that are alike; the best ones first."""

    id: int
    count: int
    first_seen: datetime
    last_seen: datetime
    face_ids: tuple[int, ...]
    faces: tuple[UnknownFace, ...]
    """At most 50 of them, with their facts."""
    nearest: NearestPerson | None


class Unknown(_Answer):
    """The unknown faces, last seen first."""

    retention: Retention
    groups: tuple[UnknownGroup, ...]
    more_groups: int = 0
    """How many groups are not in the answer."""


class _Dismissed(_Answer):
    dismissed: int


class Faces:
    """Made by `AsyncClient.faces`; all calls need the role `operator`, `keep` the role `admin`."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def retention(self) -> Retention:
        """Whether unknown faces are kept, and for how long."""
        return parsed(Retention, (await self._call("GET", "/v1/faces/retention")).content)

    async def keep(self, for_s: float | None) -> Retention:
        """Keep unknown faces for so many seconds each, 60 to 90 days; None: keep none, delete those kept."""
        return parsed(
            Retention, (await self._call("PUT", "/v1/faces/retention", json={"for_s": for_s})).content
        )

    async def unknown(self, limit: int = 100) -> Unknown:
        """The unknown faces, grouped by likeness; at most `limit` groups, 1 to 500."""
        response = await self._call("GET", "/v1/faces/unknown", params={"limit": limit})
        return parsed(Unknown, response.content)

    async def image(self, face_id: int) -> SmallPicture:
        """One face, a JPEG of at most 320 px.

        Raises:
            EntryNotFound: it is not kept any more.
        """
        return small_picture(await self._call("GET", f"/v1/faces/unknown/{face_id}/image"))

    async def name(self, group_id: int, name: str, face_ids: Sequence[int] = ()) -> Person:
        """Enrol a group under a name, new or known, and keep it no longer.

        Args:
            face_ids: the faces of the group that show the person, at most 50. Without them it is all of the
                group: its ten best faces are enrolled.

        Raises:
            EntryNotFound: there is no such group, or no such face in it.
        """
        body = {"name": name, "face_ids": list(face_ids)}
        url = f"/v1/faces/unknown/{group_id}/name"
        return parsed(Person, (await self._call("POST", url, json=body, repeatable=False)).content)

    async def dismiss(self, group_id: int) -> int:
        """Show a group, and later faces like it, no more while the retention lasts; how many faces it had.

        Raises:
            EntryNotFound: there is no such group.
        """
        response = await self._call("DELETE", f"/v1/faces/unknown/{group_id}", repeatable=False)
        return parsed(_Dismissed, response.content).dismissed
