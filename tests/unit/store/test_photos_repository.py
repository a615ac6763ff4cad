"""What the registry keeps about people, and that files of version 0.1 are taken over whole."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from tests.stored_rows import embeddings, vetoes

from manyeyes.errors import BadRequest, DataFolderUnusable, EntryNotFound, PersonNotFound
from manyeyes.results import Caution
from manyeyes.store import schema
from manyeyes.store.database import Photo, Registry
from manyeyes.store.photos import Records, read_blocks

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
        registry = Registry(path)
        records = Records(registry)
        assert [(p.id, p.file_name, p.source, p.added_at) for p in records.photos("Ann")] == [
            (3, "", "enrolled", "2026-01-02"),
            (9, "", "enrolled", "2026-01-03"),
        ]
        assert embeddings(registry, "e") == [("Ann", raw(1)), ("Ann", raw(2))]
        assert records.feedback() == [] and records.rule() is None
        assert registry.read("PRAGMA user_version") == [(len(schema.STEPS),)]
        assert registry.read("SELECT chip, landmarks FROM photos") == [(None, None)] * 2
        registry.close()


def test_a_step_that_fails_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = sqlite3.connect(path)
    old.executescript(OF_0_1)
    old.close()
    broken = schema.STEPS[1].replace("DROP TABLE", "DROP TABBLE")
    monkeypatch.setattr(schema, "STEPS", (schema.STEPS[0], broken))
    with pytest.raises(DataFolderUnusable):
        Registry(path)
    monkeypatch.undo()
    registry = Registry(path)
    assert len(Records(registry).photos("Ann")) == 2
    registry.close()


def test_a_file_of_a_later_version_is_refused(path: Path) -> None:
    Registry(path).close()
    later = sqlite3.connect(path)
    later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(DataFolderUnusable, match=r"form 99, this version knows up to \d; start the newer"):
        Registry(path)


def test_photos_keep_their_names_and_what_was_noticed(registry: Registry) -> None:
    records = Records(registry)
    blurred = Caution(kind="blurred", value=1.5, limit=3, sentence="the face is blurred")
    points = ((1.0, 2.0),) * 5
    photos = [
        Photo(
            "aa", raw(1, 2), "ada.jpg", warnings=(blurred,), portrait=b"webp", portrait_landmarks_px=points
        ),
        Photo("bb", raw(3, 4), "ada 2.jpg"),
    ]
    assert registry.add_photos("Ada", "e", photos).photos == 2
    first, second = records.photos("Ada")
    assert (first.file_name, first.warnings) == ("ada.jpg", (blurred,)) and second.warnings == ()
    rows = registry.read("SELECT chip, landmarks FROM photos ORDER BY id")
    assert rows[0][0] == b"webp" and rows[0][1].count("1.0") == 5 and rows[1] == (None, None)
    version = registry.gallery_version
    records.remove_photo("Ada", first.id)
    assert [photo.id for photo in records.photos("Ada")] == [second.id]
    assert registry.gallery_version == version + 1
    with pytest.raises(EntryNotFound, match=rf"no photo {first.id}"):
        records.remove_photo("Ada", first.id)
    with pytest.raises(BadRequest, match="the last one"):
        records.remove_photo("Ada", second.id)


def test_a_photo_of_two_embedders_is_listed_and_removed_as_one(registry: Registry) -> None:
    records = Records(registry)
    for embedder in ("e", "f"):
        registry.add_photos("Ada", embedder, [Photo("aa", raw(1)), Photo("bb", raw(2))])
    assert len(records.photos("Ada")) == 2
    records.remove_photo("Ada", records.photos("Ada")[0].id)
    assert embeddings(registry, "e") == [("Ada", raw(2))] == embeddings(registry, "f")


def test_photo_counts_and_blocks(registry: Registry, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = Records(registry)
    for number in range(5):
        registry.add_photos(f"p{number}", "e", [Photo(f"{n}", raw(number, n)) for n in range(1 + number % 2)])
    registry.add_photos("p0", "other", [Photo("x", raw(9))])
    assert records.photo_counts("e") == {1: 3, 2: 2}
    monkeypatch.setattr("manyeyes.store.photos._BLOCK_ROWS", 3)
    blocks = list(read_blocks(path, "e"))
    assert [len(block.names) for block in blocks] == [3, 3, 1]
    assert np.concatenate([block.embeddings for block in blocks])[:, 0].tolist() == [0, 1, 1, 2, 3, 3, 4]
    assert list(read_blocks(path, "nobody's")) == []


def test_feedback_is_listed_and_undone(registry: Registry) -> None:
    records = Records(registry)
    registry.add_photos("Ada", "e", [Photo("aa", raw(1, 0))])
    with pytest.raises(PersonNotFound, match="'Bob'"):
        records.add_veto("Bob", "e", np.array([1, 2], np.float32), "x.jpg")
    veto = records.add_veto("Ada", "e", np.array([1, 2], np.float32), "x.jpg")
    registry.add_photos("Bob", "e", [Photo("cc", raw(5, 5), "y.jpg", "feedback")])
    assert {(row.verdict, row.name, row.file_name) for row in records.feedback()} == {
        ("not", "Ada", "x.jpg"),
        ("is", "Bob", "y.jpg"),
    }
    assert vetoes(registry, "e") == [("Ada", [1, 2])] and vetoes(registry, "f") == []
    version = registry.gallery_version
    records.undo(veto)
    assert vetoes(registry, "e") == [] and registry.gallery_version == version + 1
    records.undo(records.photo_id("Bob", "cc"))
    assert [person.name for person in registry.people()] == ["Ada"] and records.feedback() == []
    for wrong in ("is-1", "not-1", "nonsense", "is-1; DROP TABLE people"):
        with pytest.raises(EntryNotFound):
            records.undo(wrong)


def test_who_is_forgotten_takes_their_feedback_along(registry: Registry) -> None:
    records = Records(registry)
    registry.add_photos("Ada", "e", [Photo("aa", raw(1, 0))])
    records.add_veto("Ada", "e", np.array([1, 2], np.float32), "x.jpg")
    registry.rename_person("Ada", "Ada L")
    assert [name for name, _ in vetoes(registry, "e")] == ["Ada L"]
    registry.remove_person("Ada L")
    assert vetoes(registry, "e") == [] == records.feedback()


def test_a_merge_moves_everything_in_one_step(registry: Registry) -> None:
    records = Records(registry)
    doubt = Caution(kind="same-face", sentence="this face looks like 'Ada'", people=("Ada",))
    other = Caution(kind="same-face", sentence="this face looks like 'Bob'", people=("Bob",))
    registry.add_photos("Ada", "e", [Photo("aa", raw(1, 0)), Photo("both", raw(2, 0))])
    registry.add_photos(
        "A. B.", "e", [Photo("bb", raw(3, 0), warnings=(doubt, other)), Photo("both", raw(2, 0))]
    )
    registry.add_photos("A. B.", "f", [Photo("bb", raw(9))])
    registry.add_photos("A. B.", "e", [Photo("cc", raw(4, 0), "y.jpg", "feedback")])
    records.add_veto("A. B.", "e", np.array([7, 7], np.float32), "not.jpg")
    records.add_veto("Ada", "e", np.array([3, 0], np.float32), "doubted.jpg")
    version = registry.gallery_version
    records.merge("A. B.", "Ada")
    assert [person.name for person in registry.people()] == ["Ada"]
    assert sorted(embeddings(registry, "e")) == sorted(("Ada", raw(n, 0)) for n in (1, 2, 3, 4))
    assert embeddings(registry, "f") == [("Ada", raw(9))]
    assert vetoes(registry, "e") == [("Ada", [7, 7])], "what is a photo of hers is not said not to be her"
    assert {row.name for row in records.feedback()} == {"Ada"}
    assert registry.gallery_version > version
    assert [photo.warnings for photo in records.photos("Ada") if photo.warnings] == [(other,)]


def test_a_merge_is_refused_before_anything_is_done(registry: Registry) -> None:
    records = Records(registry)
    registry.add_photos("Ada", "e", [Photo("aa", raw(1, 0))])
    for pair in (("Ada", "Bob"), ("Bob", "Ada")):
        with pytest.raises(PersonNotFound, match="'Bob'"):
            records.merge(*pair)
    with pytest.raises(BadRequest, match="into itself"):
        records.merge("Ada", "Ada")
    assert [person.name for person in registry.people()] == ["Ada"]


def test_the_best_portrait_is_shown(registry: Registry) -> None:
    records = Records(registry)
    blurred = Caution(kind="blurred", sentence="the face is blurred")
    photos = [
        Photo("aa", raw(1), warnings=(blurred,), portrait=b"a larger one", portrait_landmarks_px=()),
        Photo("bb", raw(2), portrait=b"small", portrait_landmarks_px=()),
        Photo("cc", raw(3), portrait=b"smaller"[:4], portrait_landmarks_px=()),
        Photo("dd", raw(4), "f.jpg", "feedback"),
    ]
    registry.add_photos("Ada", "e", photos)
    registry.add_photos("Ada", "f", [Photo("aa", raw(9))])
    assert records.best_picture("Ada") == b"small" and records.best_picture("Bob") is None
    by_name = {photo.file_name: photo for photo in records.photos("Ada")}
    assert [photo.has_image for photo in records.photos("Ada")] == [True, True, True, False]
    assert records.picture(by_name["f.jpg"].id) is None and records.picture(999) is None
    other = registry.read("SELECT id FROM photos WHERE embedder = 'f'")[0][0]
    assert records.picture(other) == b"a larger one", "by whichever embedder's row"
