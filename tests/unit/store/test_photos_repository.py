"""What is kept of photos, and shown of them."""

from __future__ import annotations

import numpy as np
import pytest
from tests.stored_rows import embeddings

from manyeyes.errors import BadRequest, EntryNotFound
from manyeyes.results import Caution
from manyeyes.store.database import Database
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store


def raw(*values: float) -> bytes:
    return np.array(values, "<f4").tobytes()


def test_photos_keep_their_names_and_what_was_noticed(store: Store, database: Database) -> None:
    blurred = Caution(kind="blurred", value=1.5, limit=3, sentence="the face is blurred")
    points = ((1.0, 2.0),) * 5
    photos = [
        Photo(
            "aa", raw(1, 2), "ada.jpg", warnings=(blurred,), portrait=b"webp", portrait_landmarks_px=points
        ),
        Photo("bb", raw(3, 4), "ada 2.jpg"),
    ]
    store.photos.enrol("Ada", "e", photos)
    assert store.people.person("Ada").photos == 2
    first, second = store.photos.of_person("Ada")
    assert (first.file_name, first.warnings) == ("ada.jpg", (blurred,)) and second.warnings == ()
    rows = database.read("SELECT chip, landmarks FROM photos ORDER BY id")
    assert rows[0][0] == b"webp" and rows[0][1].count("1.0") == 5 and rows[1] == (None, None)
    version = store.gallery.version
    store.photos.remove("Ada", first.id)
    assert [photo.id for photo in store.photos.of_person("Ada")] == [second.id]
    assert store.gallery.version == version + 1
    with pytest.raises(EntryNotFound, match=rf"no photo {first.id}"):
        store.photos.remove("Ada", first.id)
    with pytest.raises(BadRequest, match="the last one"):
        store.photos.remove("Ada", second.id)


def test_a_photo_of_two_embedders_is_listed_and_removed_as_one(store: Store, database: Database) -> None:
    for embedder in ("e", "f"):
        store.photos.enrol("Ada", embedder, [Photo("aa", raw(1)), Photo("bb", raw(2))])
    assert len(store.photos.of_person("Ada")) == 2
    store.photos.remove("Ada", store.photos.of_person("Ada")[0].id)
    assert embeddings(database, "e") == [("Ada", raw(2))] == embeddings(database, "f")


def test_the_best_portrait_is_shown(store: Store, database: Database) -> None:
    blurred = Caution(kind="blurred", sentence="the face is blurred")
    photos = [
        Photo("aa", raw(1), warnings=(blurred,), portrait=b"a larger one", portrait_landmarks_px=()),
        Photo("bb", raw(2), portrait=b"small", portrait_landmarks_px=()),
        Photo("cc", raw(3), portrait=b"smaller"[:4], portrait_landmarks_px=()),
        Photo("dd", raw(4), "f.jpg", "feedback"),
    ]
    store.photos.enrol("Ada", "e", photos)
    store.photos.enrol("Ada", "f", [Photo("aa", raw(9))])
    assert store.photos.best_picture("Ada") == b"small" and store.photos.best_picture("Bob") is None
    by_name = {photo.file_name: photo for photo in store.photos.of_person("Ada")}
    assert [photo.has_image for photo in store.photos.of_person("Ada")] == [True, True, True, False]
    assert store.photos.picture(by_name["f.jpg"].id) is None and store.photos.picture(999) is None
    other = database.read("SELECT id FROM photos WHERE embedder = 'f'")[0][0]
    assert store.photos.picture(other) == b"a larger one", "by whichever embedder's row"
