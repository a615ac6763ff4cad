"""Two people are merged after a look at how far apart they are, and it can be undone for a time."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.faces.unknown_faces import Scene, at

from manyeyes.errors import BadRequest, EntryNotFound, PersonNotFound
from manyeyes.face_results import Enrolled
from manyeyes.faces.merging import UNDO_DAYS, Merging
from manyeyes.faces.new_faces import NewFace
from manyeyes.faces.person_growth import PersonGrowth
from manyeyes.store.database import Database
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store


class Merged:
    """A store with Ann and Bob 0.7 apart, Carl 0.1 from Ann, and Dora, whom another embedder enrolled."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.scene = Scene(store, folder)
        self.changes = 0
        self.merging = Merging(
            store.merges,
            self.scene.people,
            store.gallery.reader,
            self.served,
            self.scene.audit,
            self.changed,
            PersonGrowth(),
        )

    served: Any = SimpleNamespace(embedder="dlib-1")

    async def changed(self) -> None:
        self.changes += 1

    async def fill(self) -> Merging:
        for name, places in (("Ann", (0.0, 0.2)), ("Bob", (0.9, 1.0)), ("Carl", (-0.1,))):
            faces = [
                NewFace(
                    f"{name}.jpg",
                    f"{name}{place}".encode(),
                    Enrolled(embedding=at(place), embedder="dlib-1", box_xyxy_px=(0, 0, 9, 9)),
                    b"",
                )
                for place in places
            ]
            await self.scene.people.enrol("boss", name, faces)
        self.scene.store.photos.enrol("Dora", "another", [Photo("dd", b"0000")])
        return self.merging


@pytest.fixture
def merged(store: Store, tmp_path: Path) -> Merged:
    return Merged(store, tmp_path)


def test_before_a_merge_the_figure_is_told(merged: Merged) -> None:
    async def run() -> None:
        merging = await merged.fill()
        far = await merging.preview("Ann", "Bob")
        assert far.sentence == (
            "the nearest photos of Ann and Bob are 0.70 apart; photos of one person are usually below 0.63"
        )
        assert far.is_far and (far.photos, far.into_photos) == (2, 2)
        near = await merging.preview("Ann", "Carl")
        assert not near.is_far and near.distance == pytest.approx(0.1)
        unknown = await merging.preview("Ann", "Dora")
        assert unknown.is_far and unknown.distance is None and "cannot be compared" in unknown.sentence
        with pytest.raises(PersonNotFound):
            await merging.preview("Ann", "Nobody")
        with pytest.raises(BadRequest, match="into itself"):
            await merging.preview("Ann", "Ann")
        assert merging.all() == [] and merged.changes == 0

    asyncio.run(run())


def test_a_merge_is_undone_and_both_are_in_the_audit_log(merged: Merged) -> None:
    async def run() -> None:
        merging = await merged.fill()
        person, merge = await merging.merge("olga", "Ann", "Bob")
        assert (person.name, person.photos) == ("Bob", 4)
        lasts = datetime.fromisoformat(merge.until) - datetime.fromisoformat(merge.merged_at)
        assert lasts == timedelta(days=UNDO_DAYS) and merging.of(person) == [merge]
        back, undone = await merging.undo("olga", merge.id)
        assert (back.name, back.photos, undone) == ("Ann", 2, merge)
        with pytest.raises(EntryNotFound):
            await merging.undo("olga", merge.id)
        assert merged.changes == 2

    asyncio.run(run())
    entries = [(e.what, e.outcome, e.detail) for e in merged.scene.audit.entries() if e.who == "olga"]
    assert entries == [
        ("people merge", "merged", "person 1 into person 2, merge 1"),
        ("people merge undo", "undone", "merge 1: person 1 out of person 2"),
    ]


def test_after_thirty_days_nothing_is_kept_for_an_undo(merged: Merged, database: Database) -> None:
    async def run() -> None:
        merging = await merged.fill()
        for days in (29, 31):
            _, merge = await merging.merge("olga", "Ann", "Bob")
            with database.transaction() as cursor:
                cursor.execute(
                    "UPDATE merges SET merged_at = ?",
                    ((datetime.fromisoformat(merge.merged_at) - timedelta(days=days)).isoformat(),),
                )
            merging.tick(days * 1000.0)
            assert len(database.read("SELECT id FROM merges")) == (days < 30)
            if days < 30:
                await merging.undo("olga", merge.id)
        with pytest.raises(EntryNotFound):
            await merging.undo("olga", merge.id)

    asyncio.run(run())
