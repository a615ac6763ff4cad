"""Photos belong to an embedder: those of version 0.1 are taken over, those of others are never handed out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.stored_rows import embeddings

from manyeyes.packs.embedders import DEFAULT_EMBEDDER, LEGACY_KEYS
from manyeyes.store.database import Photo, Registry

PHOTOS_OF_0_1 = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, added_at TEXT NOT NULL);
CREATE TABLE photos (
    id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL, embedder TEXT NOT NULL, embedding BLOB NOT NULL, added_at TEXT NOT NULL,
    UNIQUE (person_id, sha256)
);
INSERT INTO people VALUES (7, 'Ann', '2026-01-01');
INSERT INTO photos VALUES (3, 7, 'aa', 'faces@1.0.0', x'0102', '2026-01-01');
INSERT INTO photos VALUES (4, 7, 'bb', 'faces@1.0.0', x'0304', '2026-01-01');
"""


def test_photos_of_version_0_1_belong_to_the_default_embedder(path: Path) -> None:
    old = sqlite3.connect(path)
    old.executescript(PHOTOS_OF_0_1)
    old.close()
    for _ in range(2):  # a second start changes nothing
        registry = Registry(path)
        registry.rename_embedders(LEGACY_KEYS)
        assert embeddings(registry, DEFAULT_EMBEDDER) == [("Ann", b"\1\2"), ("Ann", b"\3\4")]
        assert embeddings(registry, "faces@1.0.0") == []
        assert registry.photos_of_others(DEFAULT_EMBEDDER) == 0
        registry.close()
    registry = Registry(path)
    registry.remove_person("Ann")  # the rebuilt table still cascades
    assert embeddings(registry, DEFAULT_EMBEDDER) == []
    registry.close()


def test_the_same_photo_may_be_enrolled_by_two_embedders(registry: Registry) -> None:
    registry.add_photos("Ann", "one", [Photo("aa", b"1"), Photo("bb", b"2")])
    registry.add_photos("Ann", "one", [Photo("aa", b"1")])
    person = registry.add_photos("Ann", "two", [Photo("aa", b"3")])
    assert person.photos == 2
    assert embeddings(registry, "one") == [("Ann", b"1"), ("Ann", b"2")]
    assert embeddings(registry, "two") == [("Ann", b"3")]
    assert (registry.photos_of_others("one"), registry.photos_of_others("two")) == (0, 1)
    assert registry.photos_of_others("three") == 2


def test_another_embedder_is_a_change_of_the_gallery(registry: Registry) -> None:
    registry.serve_embedder("one")
    version = registry.gallery_version
    registry.serve_embedder("one")
    assert registry.gallery_version == version
    registry.serve_embedder("two")
    assert registry.gallery_version > version
    version = registry.gallery_version
    registry.serve_embedder(
        "one"
    )  # back again: nodes that kept the first gallery must not take it for this one
    assert registry.gallery_version > version
