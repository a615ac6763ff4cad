"""What is kept of feedback, and taken back."""

from __future__ import annotations

import numpy as np
import pytest
from tests.stored_rows import vetoes

from manyeyes.errors import EntryNotFound, PersonNotFound
from manyeyes.store.database import Database
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store


def raw(*values: float) -> bytes:
    return np.array(values, "<f4").tobytes()


def test_feedback_is_listed_and_undone(store: Store, database: Database) -> None:
    store.photos.enrol("Ada", "e", [Photo("aa", raw(1, 0))])
    with pytest.raises(PersonNotFound, match="'Bob'"):
        store.feedback.add_veto("Bob", "e", raw(1, 2), "x.jpg")
    veto = store.feedback.add_veto("Ada", "e", raw(1, 2), "x.jpg")
    store.photos.enrol("Bob", "e", [Photo("cc", raw(5, 5), "y.jpg", "feedback")])
    assert {(row.verdict, row.name, row.file_name) for row in store.feedback.all()} == {
        ("not", "Ada", "x.jpg"),
        ("is", "Bob", "y.jpg"),
    }
    assert vetoes(database, "e") == [("Ada", [1, 2])] and vetoes(database, "f") == []
    version = store.gallery.version
    store.feedback.undo(veto)
    assert vetoes(database, "e") == [] and store.gallery.version == version + 1
    store.feedback.undo(store.feedback.id_of_photo("Bob", "cc"))
    assert [person.name for person in store.people.all()] == ["Ada"] and store.feedback.all() == []
    for wrong in ("is-1", "not-1", "nonsense", "is-1; DROP TABLE people"):
        with pytest.raises(EntryNotFound):
            store.feedback.undo(wrong)


def test_who_is_forgotten_takes_their_feedback_along(store: Store, database: Database) -> None:
    store.photos.enrol("Ada", "e", [Photo("aa", raw(1, 0))])
    store.feedback.add_veto("Ada", "e", raw(1, 2), "x.jpg")
    store.people.rename("Ada", "Ada L")
    assert [name for name, _ in vetoes(database, "e")] == ["Ada L"]
    store.people.remove("Ada L")
    assert vetoes(database, "e") == [] == store.feedback.all()
