"""What becomes of people: renamed, merged, forgotten."""

from __future__ import annotations

import numpy as np
import pytest
from tests.stored_rows import embeddings, vetoes

from manyeyes.errors import BadRequest, PersonExists, PersonNotFound
from manyeyes.results import Caution
from manyeyes.store.database import Database
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store


def raw(*values: float) -> bytes:
    return np.array(values, "<f4").tobytes()


def test_a_name_is_changed_unless_it_is_taken(store: Store) -> None:
    for name in ("Ada", "Bob"):
        store.photos.enrol(name, "e", [Photo("aa", raw(1))])
    with pytest.raises(PersonExists, match="'Bob' already"):
        store.people.rename("Ada", "Bob")
    with pytest.raises(PersonNotFound, match="'Eve'"):
        store.people.rename("Eve", "Dee")
    version = store.gallery.version
    assert store.people.rename("Ada", "Eve").photos == 1
    assert [person.name for person in store.people.all()] == ["Bob", "Eve"]
    assert store.gallery.version > version


def test_a_merge_moves_everything_in_one_step(store: Store, database: Database) -> None:
    doubt = Caution(kind="same-face", sentence="this face looks like 'Ada'", people=("Ada",))
    other = Caution(kind="same-face", sentence="this face looks like 'Bob'", people=("Bob",))
    store.photos.enrol("Ada", "e", [Photo("aa", raw(1, 0)), Photo("both", raw(2, 0))])
    store.photos.enrol(
        "A. B.", "e", [Photo("bb", raw(3, 0), warnings=(doubt, other)), Photo("both", raw(2, 0))]
    )
    store.photos.enrol("A. B.", "f", [Photo("bb", raw(9))])
    store.photos.enrol("A. B.", "e", [Photo("cc", raw(4, 0), "y.jpg", "feedback")])
    store.feedback.add_veto("A. B.", "e", raw(7, 7), "not.jpg")
    store.feedback.add_veto("Ada", "e", raw(3, 0), "doubted.jpg")
    version = store.gallery.version
    store.people.merge("A. B.", "Ada")
    assert [person.name for person in store.people.all()] == ["Ada"]
    assert sorted(embeddings(database, "e")) == sorted(("Ada", raw(n, 0)) for n in (1, 2, 3, 4))
    assert embeddings(database, "f") == [("Ada", raw(9))]
    assert vetoes(database, "e") == [("Ada", [7, 7])], "what is a photo of hers is not said not to be her"
    assert {row.name for row in store.feedback.all()} == {"Ada"}
    assert store.gallery.version > version
    assert [photo.warnings for photo in store.photos.of_person("Ada") if photo.warnings] == [(other,)]


def test_a_merge_is_refused_before_anything_is_done(store: Store) -> None:
    store.photos.enrol("Ada", "e", [Photo("aa", raw(1, 0))])
    for pair in (("Ada", "Bob"), ("Bob", "Ada")):
        with pytest.raises(PersonNotFound, match="'Bob'"):
            store.people.merge(*pair)
    with pytest.raises(BadRequest, match="with themselves"):
        store.people.merge("Ada", "Ada")
    assert [person.name for person in store.people.all()] == ["Ada"]
