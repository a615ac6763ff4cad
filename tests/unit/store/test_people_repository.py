"""What becomes of people: renamed, forgotten."""

from __future__ import annotations

import numpy as np
import pytest

from manyeyes.errors import PersonExists, PersonNotFound
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


def test_the_id_of_somebody_who_was_removed_is_not_given_again(store: Store) -> None:
    store.photos.enrol("Ada", "e", [Photo("aa", raw(1))])
    first = store.people.person("Ada").id
    store.people.remove("Ada")
    store.photos.enrol("Bob", "e", [Photo("bb", raw(2))])
    store.photos.enrol("Bob", "e", [Photo("cc", raw(2))])
    assert store.people.person("Bob").id == first + 1
