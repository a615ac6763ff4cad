"""Embedding people again: what a photo's end is, whatever the nodes say meanwhile."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from manyeyes.errors import Busy, DamagedPicture
from manyeyes.faces import reembedding as embed_again
from manyeyes.faces.reembedding import EmbedAgain
from manyeyes.recognition.arrays import Floats
from manyeyes.store.database import Database
from manyeyes.store.photos import Photo, Portrait
from manyeyes.store.repositories import Store

POINTS = ((1.0, 2.0),) * 5


def photo(digest: str, portrait: bytes | None) -> Photo:
    raw = np.ones(2, "<f4").tobytes()
    return Photo(digest, raw, f"{digest}.jpg", portrait=portrait, portrait_landmarks_px=POINTS)


@pytest.fixture
def store(database: Database) -> Store:
    store = Store(database)
    store.photos.enrol("Ann", "old", [photo("aa", b"A"), photo("bb", b"B"), photo("cc", None)])
    store.photos.enrol("Bob", "old", [photo("dd", b"D")])
    return store


class Nodes:
    """Answers with numbers made from the portrait; what `says` holds for it comes first."""

    def __init__(self, **says: list[Exception]) -> None:
        self.says = says
        self.seen: list[bytes] = []
        self.told = 0

    async def embed(self, portrait: Portrait) -> Floats:
        self.seen.append(portrait.content)
        assert portrait.landmarks_px == POINTS
        if self.says.get(portrait.content.decode()):
            raise self.says[portrait.content.decode()].pop(0)
        return np.full(2, portrait.content[0], np.float32)

    async def changed(self) -> None:
        self.told += 1


def embedded(database: Database) -> dict[str, bytes]:
    return dict(database.read("SELECT sha256, embedding FROM photos WHERE embedder = 'new'"))


def run(store: Store, nodes: Nodes) -> EmbedAgain:
    again = EmbedAgain(store.photos, "new", nodes.embed, nodes.changed)
    asyncio.run(again.run())
    return again


def test_every_portrait_is_embedded_once_and_nodes_are_told(store: Store, database: Database) -> None:
    nodes = Nodes()
    again = run(store, nodes)
    assert sorted(nodes.seen) == [b"A", b"B", b"D"] and nodes.told >= 1
    assert embedded(database)["aa"] == np.full(2, ord("A"), "<f4").tobytes()
    assert (again.waiting, again.failed) == (0, 0)
    assert store.people.person("Ann").photos == 3
    assert not run(store, Nodes()).waiting


def test_what_can_be_tried_again_is(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed_again, "_PAUSE_S", 0.0)
    nodes = Nodes(A=[Busy("full"), Busy("full")])
    assert run(store, nodes).failed == 0
    assert nodes.seen.count(b"A") == 3 and len(embedded(database)) == 3


def test_a_damaged_portrait_is_left_and_the_others_go_on(store: Store, database: Database) -> None:
    again = run(store, Nodes(B=[DamagedPicture("cut short")]))
    assert (again.failed, sorted(embedded(database))) == (1, ["aa", "dd"])
    assert run(store, Nodes()).failed == 0
    assert len(embedded(database)) == 3


def test_a_photo_removed_meanwhile_stays_removed(store: Store, database: Database) -> None:
    class Removing(Nodes):
        async def embed(self, portrait: Portrait) -> Floats:
            if portrait.content == b"D":
                store.people.remove("Bob")
            return await super().embed(portrait)

    run(store, Removing())
    assert sorted(embedded(database)) == ["aa", "bb"]
    assert [person.name for person in store.people.all()] == ["Ann"]


def test_removing_a_photo_removes_what_every_embedder_made_of_it(store: Store, database: Database) -> None:
    run(store, Nodes())
    store.photos.remove("Ann", store.photos.of_person("Ann")[0].id)
    assert sorted(embedded(database)) == ["bb", "dd"]
