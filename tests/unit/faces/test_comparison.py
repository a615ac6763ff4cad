"""Faces beside everybody enrolled, whichever block of photos the nearest is in."""

from __future__ import annotations

import numpy as np
import pytest

from manyeyes.faces.comparison import check_everybody, likenesses, nearest_person
from manyeyes.packs.build import CALIBRATION
from manyeyes.recognition.arrays import Floats
from manyeyes.recognition.enrolment.likeness import Limits
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store

LIMITS = Limits.of(0.58, CALIBRATION)


def rows(*places: tuple[float, ...]) -> Floats:
    return np.array([(*place, *(0.0,) * (8 - len(place))) for place in places], np.float32)


@pytest.fixture
def enrolled(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Ann at 0, Bob at 5, each in a block of their own; Eve has an embedding of another length."""
    monkeypatch.setattr("manyeyes.store.gallery_view._BLOCK_ROWS", 1)
    for name, place in (("Ann", 0.0), ("Bob", 5.0)):
        store.photos.enrol(name, "e", [Photo(name, rows((place,))[0].tobytes(), f"{name}.jpg")])
    store.photos.enrol("Eve", "e", [Photo("Eve", bytes(8))])
    return store


def test_the_nearest_person_of_each_face(enrolled: Store) -> None:
    found = nearest_person(enrolled.gallery.reader, "e", rows((4.0,), (1.0,)))
    assert [(near[0], round(near[1], 3)) for near in found if near] == [("Bob", 1.0), ("Ann", 1.0)]
    assert nearest_person(enrolled.gallery.reader, "another", rows((4.0,))) == [None]


def test_a_new_photo_is_said_to_be_like_others_and_unlike_its_own(store: Store) -> None:
    store.photos.enrol("Ann", "e", [Photo("a", rows((0.0,))[0].tobytes(), "ann.jpg")])
    reader = store.gallery.reader
    ((like,),) = likenesses(reader, "e", "Bob", rows((0.1,)), ["b.jpg"], LIMITS)
    assert (like.kind, like.people) == ("same-face", ("Ann",))
    ((unlike,),) = likenesses(reader, "e", "Ann", rows((9.0,)), ["c.jpg"], LIMITS)
    assert unlike.kind == "unlike"
    assert likenesses(reader, "e", "Ann", rows((0.1,)), ["d.jpg"], LIMITS) == [[]]


def test_everybody_is_checked(store: Store) -> None:
    assert check_everybody(store.gallery.reader, "e", LIMITS) == []
    for name, place in (("Ann", 0.0), ("Bob", 0.1), ("Far", 9.0)):
        store.photos.enrol(name, "e", [Photo(name, rows((place,))[0].tobytes(), f"{name}.jpg")])
    found = check_everybody(store.gallery.reader, "e", LIMITS)
    kinds = {one.kind: sorted(one.people) for one in found}
    assert kinds == {"double": ["Ann", "Bob"], "one-photo": ["Ann", "Bob", "Far"]}
