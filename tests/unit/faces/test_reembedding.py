"""Embedding people again: what a photo's end is, whatever the nodes say meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from manyeyes.errors import Busy, DamagedPicture
from manyeyes.faces import reembedding as embed_again
from manyeyes.faces.reembedding import EmbedAgain
from manyeyes.recognition.arrays import Floats
from manyeyes.store.database import Photo, Registry
from manyeyes.store.photos import Portrait, Records

POINTS = ((1.0, 2.0),) * 5


def photo(digest: str, portrait: bytes | None) -> Photo:
    raw = np.ones(2, "<f4").tobytes()
    return Photo(digest, raw, f"{digest}.jpg", portrait=portrait, portrait_landmarks_px=POINTS)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = Registry(tmp_path / "master.db")
    opened.add_photos("Ann", "old", [photo("aa", b"A"), photo("bb", b"B"), photo("cc", None)])
    opened.add_photos("Bob", "old", [photo("dd", b"D")])
    yield opened
    opened.close()


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


def embedded(registry: Registry) -> dict[str, bytes]:
    return dict(registry.read("SELECT sha256, embedding FROM photos WHERE embedder = 'new'"))


def run(registry: Registry, nodes: Nodes) -> EmbedAgain:
    again = EmbedAgain(Records(registry), "new", nodes.embed, nodes.changed)
    asyncio.run(again.run())
    return again


def test_every_portrait_is_embedded_once_and_nodes_are_told(registry: Registry) -> None:
    nodes = Nodes()
    again = run(registry, nodes)
    assert sorted(nodes.seen) == [b"A", b"B", b"D"] and nodes.told >= 1
    assert embedded(registry)["aa"] == np.full(2, ord("A"), "<f4").tobytes()
    assert (again.waiting, again.failed) == (0, 0)
    assert registry.person("Ann").photos == 3
    assert not run(registry, Nodes()).waiting


def test_what_can_be_tried_again_is(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed_again, "_PAUSE_S", 0.0)
    nodes = Nodes(A=[Busy("full"), Busy("full")])
    assert run(registry, nodes).failed == 0
    assert nodes.seen.count(b"A") == 3 and len(embedded(registry)) == 3


def test_a_damaged_portrait_is_left_and_the_others_go_on(registry: Registry) -> None:
    again = run(registry, Nodes(B=[DamagedPicture("cut short")]))
    assert (again.failed, sorted(embedded(registry))) == (1, ["aa", "dd"])
    assert run(registry, Nodes()).failed == 0
    assert len(embedded(registry)) == 3


def test_a_photo_removed_meanwhile_stays_removed(registry: Registry) -> None:
    class Removing(Nodes):
        async def embed(self, portrait: Portrait) -> Floats:
            if portrait.content == b"D":
                registry.remove_person("Bob")
            return await super().embed(portrait)

    run(registry, Removing())
    assert sorted(embedded(registry)) == ["aa", "bb"]
    assert [person.name for person in registry.people()] == ["Ann"]


def test_removing_a_photo_removes_what_every_embedder_made_of_it(registry: Registry) -> None:
    run(registry, Nodes())
    records = Records(registry)
    records.remove_photo("Ann", records.photos("Ann")[0].id)
    assert sorted(embedded(registry)) == ["bb", "dd"]
