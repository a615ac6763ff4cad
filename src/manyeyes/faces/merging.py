"""Merges two people who are one, and undoes it within 30 days."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from manyeyes.access.audit import Audit
from manyeyes.api.people import MergePreview
from manyeyes.errors import BadRequest
from manyeyes.faces.comparison import nearest_between
from manyeyes.faces.people import PeopleService
from manyeyes.faces.person_growth import PersonGrowth
from manyeyes.packs.served import ServedPack
from manyeyes.store.gallery import GalleryReader
from manyeyes.store.merges import MergeRepository, MergeRow
from manyeyes.store.people import Person
from manyeyes.telemetry import log

UNDO_DAYS = 30
FORGET_EVERY_S = 600.0


@dataclass(frozen=True)
class Merge:
    """A merge that can be undone until a moment, ISO 8601 in UTC."""

    id: int
    name: str
    into: str
    merged_at: str
    until: str

    @classmethod
    def of(cls, row: MergeRow) -> Merge:
        """From its row."""
        until = datetime.fromisoformat(row.merged_at) + timedelta(days=UNDO_DAYS)
        return cls(row.id, row.name, row.into, row.merged_at, until.isoformat(timespec="seconds"))


class Merging:
    """Merges people, each merge with its entry in the audit log.

    Args:
        changed: tells the nodes that the gallery has changed.
        growth: is told of who has new photos.
    """

    def __init__(
        self,
        merges: MergeRepository,
        people: PeopleService,
        reader: GalleryReader,
        served: ServedPack,
        audit: Audit,
        changed: Callable[[], Awaitable[None]],
        growth: PersonGrowth,
    ) -> None:
        self._merges = merges
        self._people = people
        self._reader = reader
        self._served = served
        self._audit = audit
        self._changed = changed
        self._growth = growth
        self._forget_at = float("-inf")

    async def preview(self, name: str, into: str) -> MergePreview:
        """How far apart the photos of two people are; raises PersonNotFound, BadRequest."""
        one, other = self._people.person(name), self._people.person(into)
        if one.id == other.id:
            raise BadRequest(f"{name!r} cannot be merged into itself; name somebody else")
        usual = self._people.limits().unlike
        embedder = self._served.embedder
        distance = await asyncio.to_thread(nearest_between, self._reader, embedder, one.name, other.name)
        return MergePreview(
            name=one.name,
            photos=one.photos,
            into=other.name,
            into_photos=other.photos,
            distance=distance,
            usual=usual,
            is_far=distance is None or distance > usual,
            sentence=_sentence(one.name, other.name, distance, usual),
        )

    async def merge(self, who: str, name: str, into: str) -> tuple[Person, Merge]:
        """Move all photos and feedback of one person to another; raises PersonNotFound, BadRequest."""
        with self._audit.change(who, "people merge", outcome="merged") as said:
            row = self._merges.merge(name, into)
            said.detail = f"person {row.person_id} into person {row.into_id}, merge {row.id}"
        await self._changed()
        await self._growth.grew(row.into)
        return self._people.person(row.into), Merge.of(row)

    async def undo(self, who: str, merge_id: int) -> tuple[Person, Merge]:
        """Give a merged person back; raises EntryNotFound, PersonExists, BadRequest."""
        self.forget_old()
        with self._audit.change(who, "people merge undo", outcome="undone") as said:
            row = self._merges.undo(merge_id)
            said.detail = f"merge {row.id}: person {row.person_id} out of person {row.into_id}"
        await self._changed()
        return self._people.person(row.name), Merge.of(row)

    def all(self) -> list[Merge]:
        """All merges that can be undone, oldest first."""
        self.forget_old()
        return [Merge.of(row) for row in self._merges.all()]

    def of(self, person: Person) -> list[Merge]:
        """The merges into a person that can be undone."""
        return [merge for merge in self.all() if merge.into == person.name]

    def tick(self, now: float) -> None:
        """Forget old merges now and then; `now` by the monotonic clock."""
        if now >= self._forget_at:
            self._forget_at = now + FORGET_EVERY_S
            self.forget_old()

    def forget_old(self) -> None:
        """Forget the merges that are too old to be undone, and what was kept for that."""
        before = (datetime.now(UTC) - timedelta(days=UNDO_DAYS)).isoformat(timespec="seconds")
        if forgotten := self._merges.forget(before):
            log().info("merges cannot be undone any more", merges=forgotten)


def _sentence(name: str, into: str, distance: float | None, usual: float) -> str:
    if distance is None:
        return f"the photos of {name} and {into} cannot be compared: the pack in use has no embedding of one of them"
    return (
        f"the nearest photos of {name} and {into} are {distance:.2f} apart; "
        f"photos of one person are usually below {usual:.2f}"
    )
