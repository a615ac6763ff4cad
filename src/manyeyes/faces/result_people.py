"""Adds people's ids to results, and says who has an id by now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from manyeyes.api.people import PersonNow
from manyeyes.faces.references import FaceReferences
from manyeyes.results import Result
from manyeyes.store.person_ids import PersonIds

_MOST_KEPT = 10_000


class ResultPeople:
    """Names the people of results by id.

    A node compares with the gallery that it has: in the seconds after a rename it still says the earlier name. So the
    ids of the names that were looked up last are kept.
    """

    def __init__(self, ids: PersonIds, references: FaceReferences) -> None:
        self._ids = ids
        self._references = references
        self._recent_ids: OrderedDict[str, int] = OrderedDict()

    def identified(self, result: Result) -> Result:
        """The result with the id of each person; the same object if it names nobody."""
        names = {face.name for face in result.faces if face.name is not None}
        if not names and all(face.person_id is None for face in result.faces):
            return result
        numbers = {name: self._recent_ids[name] for name in names if name in self._recent_ids}
        found = self._ids.of_names(names)
        for name in found:
            self._recent_ids.pop(name, None)
        self._recent_ids |= found
        while len(self._recent_ids) > _MOST_KEPT:
            self._recent_ids.popitem(last=False)
        ids = {name: self._references.person_id(number) for name, number in {**numbers, **found}.items()}
        faces = (
            face.model_copy(update={"person_id": ids.get(face.name) if face.name is not None else None})
            for face in result.faces
        )
        return result.model_copy(update={"faces": tuple(faces)})

    def now(self, person_ids: Sequence[str]) -> dict[str, PersonNow | None]:
        """Who has each id by now, after a merge another one; None if the person was removed.

        An id that this master did not give is left out.
        """
        numbers = {
            person_id: number
            for person_id in person_ids
            if (number := self._references.person_number(person_id)) is not None
        }
        led = self._ids.led_to(set(numbers.values()))
        return {
            person_id: PersonNow(id=self._references.person_id(led[number][0]), name=led[number][1])
            if number in led
            else None
            for person_id, number in numbers.items()
        }
