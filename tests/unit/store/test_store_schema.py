"""Files of version 0.1 are taken over whole; those of later versions are refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from tests.stored_rows import embeddings

from manyeyes.errors import DataFolderUnusable
from manyeyes.store import schema
from manyeyes.store.database import Database
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store

OF_0_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, added_at TEXT NOT NULL);
CREATE TABLE photos (
    id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people(id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL, embedder TEXT NOT NULL, embedding BLOB NOT NULL, added_at TEXT NOT NULL,
    UNIQUE (person_id, sha256)
);
INSERT INTO meta VALUES ('gallery_version', '2');
INSERT INTO people VALUES (7, 'Ann', '2026-01-01');
INSERT INTO photos VALUES (3, 7, 'aa', 'e', x'0000803f', '2026-01-02');
INSERT INTO photos VALUES (9, 7, 'bb', 'e', x'00000040', '2026-01-03');
"""


def raw(*values: float) -> bytes:
    return np.array(values, "<f4").tobytes()


def test_a_file_of_version_0_1_keeps_everything_and_gains_the_rest(path: Path) -> None:
    old = sqlite3.connect(path)
    old.executescript(OF_0_1)
    old.close()
    for _ in range(2):
        database = Database(path)
        store = Store(database)
        assert [(p.id, p.file_name, p.source, p.added_at) for p in store.photos.of_person("Ann")] == [
            (3, "", "enrolled", "2026-01-02"),
            (9, "", "enrolled", "2026-01-03"),
        ]
        assert embeddings(database, "e") == [("Ann", raw(1)), ("Ann", raw(2))]
        assert store.feedback.all() == [] and store.settings.threshold_rule() is None
        assert database.read("PRAGMA user_version") == [(len(schema.STEPS),)]
        assert database.read("SELECT chip, landmarks FROM photos") == [(None, None)] * 2
        store.close()
    store = Store.open(path)
    store.people.remove("Ann")
    store.photos.enrol("Bob", "e", [Photo("cc", raw(3))])
    assert store.people.person("Bob").id == 8, "no id is given twice, those of before included"
    store.close()


def test_a_step_that_fails_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = sqlite3.connect(path)
    old.executescript(OF_0_1)
    old.close()
    broken = schema.STEPS[1].replace("DROP TABLE", "DROP TABBLE")
    monkeypatch.setattr(schema, "STEPS", (schema.STEPS[0], broken))
    with pytest.raises(DataFolderUnusable):
        Store.open(path)
    monkeypatch.undo()
    store = Store.open(path)
    assert len(store.photos.of_person("Ann")) == 2
    store.close()


def test_a_file_of_a_later_version_is_refused(path: Path) -> None:
    Store.open(path).close()
    later = sqlite3.connect(path)
    later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(
        DataFolderUnusable,
        match=r"master.db was written by a newer manyeyes: .* is 99, .* up to \d+; .*update",
    ):
        Store.open(path)
