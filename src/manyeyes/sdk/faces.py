"""Faces without a name: list, name and dismiss those that are kept, and set how long they are kept."""

from __future__ import annotations

from collections.abc import Sequence

from manyeyes.api.people import Person
from manyeyes.api.unknown_faces import Dismissed, NameRequest, Retention, RetentionRequest, Unknown
from manyeyes.sdk.calls import Call
from manyeyes.sdk.parsing import parsed
from manyeyes.sdk.portraits import SmallPicture, small_picture


class Faces:
    """Reads and names unknown faces; made by `AsyncClient.faces`. Needs the role `operator`, `keep` needs `admin`."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def retention(self) -> Retention:
        """Whether unknown faces are kept, and for how long."""
        return parsed(Retention, (await self._call("GET", "/v1/faces/retention")).content)

    async def keep(self, for_s: float | None) -> Retention:
        """Keep each unknown face for `for_s` seconds, from 60 s to 90 days. None: keep none, and delete those kept."""
        body = RetentionRequest.model_construct(for_s=for_s).model_dump()
        return parsed(Retention, (await self._call("PUT", "/v1/faces/retention", json=body)).content)

    async def unknown(self, limit: int = 100) -> Unknown:
        """The unknown faces, grouped by similarity; at most `limit` groups, 1 to 500."""
        response = await self._call("GET", "/v1/faces/unknown", params={"limit": limit})
        return parsed(Unknown, response.content)

    async def image(self, face_id: int) -> SmallPicture:
        """One face: a JPEG whose longer side is at most 320 px.

        Raises:
            EntryNotFound: the face is no longer kept.
        """
        return small_picture(await self._call("GET", f"/v1/faces/unknown/{face_id}/image"))

    async def name(self, group_id: int, name: str, face_ids: Sequence[int] = ()) -> Person:
        """Enrol a group of faces under a name, new or known; its faces are then no longer kept as unknown.

        Args:
            face_ids: the faces of the group that show the person, at most 50. If empty, the whole group shows
                the person, and its ten best faces are enrolled.

        Raises:
            EntryNotFound: there is no such group, or no such face in it.
        """
        body = NameRequest.model_construct(name=name, face_ids=list(face_ids)).model_dump()
        url = f"/v1/faces/unknown/{group_id}/name"
        return parsed(Person, (await self._call("POST", url, json=body, repeatable=False)).content)

    async def dismiss(self, group_id: int) -> int:
        """Hide a group, and later faces like it, for the retention time. Returns how many faces the group had.

        Raises:
            EntryNotFound: there is no such group.
        """
        response = await self._call("DELETE", f"/v1/faces/unknown/{group_id}", repeatable=False)
        return parsed(Dismissed, response.content).dismissed
