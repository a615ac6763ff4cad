"""Photos belong to an embedder: those of version 0.1 are taken over, those of others are never handed out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from tests.stored_rows import embeddings

from manyeyes.packs.embedders import DEFAULT_EMBEDDER, LEGACY_KEYS
from manyeyes.store.database import Database
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store

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
        database = Database(path)
        store = Store(database)
        store.photos.rename_embedders(LEGACY_KEYS)
        assert embeddings(database, DEFAULT_EMBEDDER) == [("Ann", b"\1\2"), ("Ann", b"\3\4")]
        assert embeddings(database, "faces@1.0.0") == []
        assert store.gallery.photos_of_others(DEFAULT_EMBEDDER) == 0
        store.close()
    database = Database(path)
    store = Store(database)
    store.people.remove("Ann")  # the rebuilt table still cascades
    assert embeddings(database, DEFAULT_EMBEDDER) == []
    store.close()


def test_the_same_photo_may_be_enrolled_by_two_embedders(store: Store, database: Database) -> None:
    store.photos.enrol("Ann", "one", [Photo("aa", b"1"), Photo("bb", b"2")])
    store.photos.enrol("Ann", "one", [Photo("aa", b"1")])
    store.photos.enrol("Ann", "two", [Photo("aa", b"3")])
    assert store.people.person("Ann").photos == 2
    assert embeddings(database, "one") == [("Ann", b"1"), ("Ann", b"2")]
    assert embeddings(database, "two") == [("Ann", b"3")]
    assert (store.gallery.photos_of_others("one"), store.gallery.photos_of_others("two")) == (0, 1)
    assert store.gallery.photos_of_others("three") == 2


def test_another_embedder_is_a_change_of_the_gallery(store: Store) -> None:
    store.gallery.serve_embedder("one")
    version = store.gallery.version
    store.gallery.serve_embedder("one")
    assert store.gallery.version == version
    store.gallery.serve_embedder("two")
    assert store.gallery.version > version
    version = store.gallery.version
    store.gallery.serve_embedder(
        "one"
    )  # back again: nodes that kept the first gallery must not take it for this one
    assert store.gallery.version > version


def test_photo_counts_and_blocks(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        store.photos.enrol(f"p{number}", "e", [Photo(f"{n}", _raw(number, n)) for n in range(1 + number % 2)])
    store.photos.enrol("p0", "other", [Photo("x", _raw(9))])
    assert store.gallery.photo_counts("e") == {1: 3, 2: 2}
    monkeypatch.setattr("manyeyes.store.gallery_view._BLOCK_ROWS", 3)
    blocks = list(store.gallery.reader.blocks("e"))
    assert [len(block.names) for block in blocks] == [3, 3, 1]
    assert np.concatenate([block.embeddings for block in blocks])[:, 0].tolist() == [0, 1, 1, 2, 3, 3, 4]
    assert list(store.gallery.reader.blocks("nobody's")) == []


def _raw(*values: float) -> bytes:
    return np.array(values, "<f4").tobytes()
