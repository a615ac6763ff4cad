"""Merges of two names of one person: look before, list, undo."""

from __future__ import annotations

from collections.abc import Sequence

from manyeyes.api.people import MAX_IDS, Merge, MergePreview, Merges, Names, Person, PersonNow
from manyeyes.sdk.calls import Call
from manyeyes.sdk.parsing import parsed


class PeopleMerges:
    """Previews, lists and undoes merges; made by `AsyncClient.merges`. Calls need the role `operator`."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def preview(self, name: str, into: str) -> MergePreview:
        """How far apart the photos of two people are; merges nothing.

        Raises:
            PersonNotFound: one of the names is not enrolled.
            BadRequest: both names are the same.
        """
        response = await self._call("GET", "/v1/people-merges/preview", params={"name": name, "into": into})
        return parsed(MergePreview, response.content)

    async def all(self) -> list[Merge]:
        """The merges that can be undone, oldest first."""
        return list(parsed(Merges, (await self._call("GET", "/v1/people-merges")).content).merges)

    async def names(self, person_ids: Sequence[str]) -> dict[str, PersonNow | None]:
        """Who the people of earlier results are now; needs the role `user` only.

        Args:
            person_ids: `Face.person_id` of results of this master, any number.

        Returns:
            By id; None for somebody who was removed. An id that this master did not give is left out.
        """
        found: dict[str, PersonNow | None] = {}
        for start in range(0, len(person_ids), MAX_IDS):
            asked = {"ids": list(person_ids[start : start + MAX_IDS])}
            response = await self._call("POST", "/v1/people-names", json=asked)
            found |= parsed(Names, response.content).people
        return found

    async def undo(self, merge_id: int) -> Person:
        """Give a merged person the name, photos and feedback back, except what was removed since.

        Args:
            merge_id: `Person.merge.id` of the answer to `merge_person`, or from `all`.

        Raises:
            EntryNotFound: there is no such merge, or it is too old.
            PersonExists: somebody else is enrolled under the name by now.
            BadRequest: one of both would have no photo.
        """
        response = await self._call("DELETE", f"/v1/people-merges/{merge_id}", repeatable=False)
        return parsed(Person, response.content)
