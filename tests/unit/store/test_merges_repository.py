"""Two people become one, and two again."""

from __future__ import annotations

import numpy as np
import pytest
from tests.stored_rows import embeddings, vetoes

from manyeyes.errors import BadRequest, EntryNotFound, PersonExists, PersonNotFound
from manyeyes.results import Caution
from manyeyes.store.database import Database
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store

DOUBT = Caution(kind="same-face", sentence="this face looks like 'Ada'", people=("Ada",))
OTHER = Caution(kind="same-face", sentence="this face looks like 'Bob'", people=("Bob",))


def raw(*values: float) -> bytes:
    return np.array(values, "<f4").tobytes()


def enrol(store: Store, name: str, *digests: str, embedder: str = "e") -> None:
    """Each digest's embedding is made of its letters."""
    store.photos.enrol(
        name, embedder, [Photo(digest, raw(*map(ord, digest)), f"{digest}.jpg") for digest in digests]
    )


def everything(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Who has which photos and vetoes, whatever their row ids are."""
    return {
        "people": database.read("SELECT id, name, added_at FROM people ORDER BY id"),
        "photos": database.read(
            "SELECT p.id, f.sha256, f.embedder, f.embedding, f.file_name, f.source, f.warnings, f.chip, f.merge_id "
            "FROM photos f JOIN people p ON p.id = f.person_id ORDER BY 1, 2, 3"
        ),
        "vetoes": database.read(
            "SELECT person_id, embedder, embedding, file_name, merge_id FROM vetoes ORDER BY 1, 2, 3"
        ),
    }


def photos_of(store: Store) -> dict[str, set[str]]:
    return {
        person.name: {row.sha256 for row in store.photos.of_person(person.name)}
        for person in store.people.all()
    }


@pytest.fixture
def two(store: Store) -> Store:
    """Two names of one person, with all that a merge has to deal with."""
    store.photos.enrol("Ada", "e", [Photo("aa", raw(1, 0)), Photo("both", raw(2, 0), "ada.jpg")])
    store.photos.enrol(
        "A. B.",
        "e",
        [Photo("bb", raw(3, 0), warnings=(DOUBT, OTHER)), Photo("both", raw(2, 0), "ab.jpg", portrait=b"x")],
    )
    store.photos.enrol("A. B.", "f", [Photo("bb", raw(9))])
    store.photos.enrol("A. B.", "e", [Photo("cc", raw(4, 0), "y.jpg", "feedback")])
    store.feedback.add_veto("A. B.", "e", raw(7, 7), "not.jpg")
    store.feedback.add_veto("Ada", "e", raw(3, 0), "doubted.jpg")
    return store


def test_a_merge_moves_everything_in_one_step(two: Store, database: Database) -> None:
    version = two.gallery.version
    made = two.merges.merge("A. B.", "Ada")
    assert (made.name, made.into, made.person_id, made.into_id) == ("A. B.", "Ada", 2, 1)
    assert [person.name for person in two.people.all()] == ["Ada"]
    assert sorted(embeddings(database, "e")) == sorted(("Ada", raw(n, 0)) for n in (1, 2, 3, 4))
    assert embeddings(database, "f") == [("Ada", raw(9))]
    assert vetoes(database, "e") == [("Ada", [7, 7])], "what is a photo of hers is not said not to be her"
    assert {row.name for row in two.feedback.all()} == {"Ada"}
    assert two.gallery.version > version
    assert [photo.warnings for photo in two.photos.of_person("Ada") if photo.warnings] == [(OTHER,)]


def test_a_merge_is_refused_before_anything_is_done(store: Store) -> None:
    enrol(store, "Ada", "aa")
    for pair in (("Ada", "Bob"), ("Bob", "Ada")):
        with pytest.raises(PersonNotFound, match="'Bob'"):
            store.merges.merge(*pair)
    with pytest.raises(BadRequest, match="into itself"):
        store.merges.merge("Ada", "Ada")
    assert [person.name for person in store.people.all()] == ["Ada"] and store.merges.all() == []


def test_undone_it_is_as_before_to_the_last_row(two: Store, database: Database) -> None:
    before = everything(database)
    version = two.gallery.version
    made = two.merges.merge("A. B.", "Ada")
    assert two.merges.undo(made.id).name == "A. B."
    assert everything(database) == before
    assert two.gallery.version > version and two.merges.all() == []
    for table in ("merged_photos", "merged_vetoes", "merged_warnings"):
        assert database.read(f"SELECT COUNT(*) FROM {table}") == [(0,)], table
    with pytest.raises(EntryNotFound, match="people merge --list"):
        two.merges.undo(made.id)


def test_what_came_and_went_since_stays_so(store: Store) -> None:
    enrol(store, "Ann", "a1", "a2", "both")
    enrol(store, "Bob", "b1", "both")
    made = store.merges.merge("Ann", "Bob")
    enrol(store, "Bob", "new")
    ids = store.photos.ids_by_digest("Bob")
    store.photos.remove("Bob", ids["a2"])
    store.photos.remove("Bob", ids["both"])
    store.photos.add_embedding(ids["a1"], "other", raw(5))
    store.people.rename("Bob", "Robert")
    store.merges.undo(made.id)
    assert photos_of(store) == {"Ann": {"a1"}, "Robert": {"b1", "new"}}
    assert store.gallery.photo_counts("other") == {1: 1}, "what was embedded since goes with its photo"


def test_a_name_that_is_taken_since_is_not_given_back(store: Store) -> None:
    enrol(store, "Ann B", "a1")
    enrol(store, "Bob", "b1")
    made = store.merges.merge("Ann B", "Bob")
    enrol(store, "Ann B", "somebody else")
    with pytest.raises(PersonExists, match="'manyeyes people rename 'Ann B' NEW', then undo the merge again"):
        store.merges.undo(made.id)
    store.people.rename("Ann B", "Another")
    store.merges.undo(made.id)
    assert photos_of(store) == {"Ann B": {"a1"}, "Another": {"somebody else"}, "Bob": {"b1"}}


@pytest.mark.parametrize(("removed", "whom"), [("a1", "'Ann'"), ("b1", "'Bob'")])
def test_nobody_is_left_without_a_photo(store: Store, database: Database, removed: str, whom: str) -> None:
    """The way out that the error names works."""
    enrol(store, "Ann", "a1")
    enrol(store, "Bob", "b1")
    made = store.merges.merge("Ann", "Bob")
    store.photos.remove("Bob", store.photos.ids_by_digest("Bob")[removed])
    before = everything(database)
    with pytest.raises(BadRequest, match=f"{whom} would have no photo"):
        store.merges.undo(made.id)
    assert everything(database) == before and len(store.merges.all()) == 1
    enrol(store, whom.strip("'"), "new")
    if whom == "'Bob'":
        store.merges.undo(made.id)
    assert set(photos_of(store)) == {"Ann", "Bob"}


@pytest.mark.parametrize("order", ["first made first", "last made first"])
def test_merges_of_merges_are_undone_in_any_order(store: Store, database: Database, order: str) -> None:
    """Each has a photo of their own, one with everybody, and one with each other."""
    enrol(store, "Ann", "a", "all", "ann-bob", "ann-carl")
    enrol(store, "Bob", "b", "all", "ann-bob", "bob-carl")
    enrol(store, "Carl", "c", "all", "ann-carl", "bob-carl")
    before = everything(database)
    first = store.merges.merge("Ann", "Bob")
    second = store.merges.merge("Bob", "Carl")
    assert [(one.name, one.into) for one in store.merges.all()] == [("Ann", "Carl"), ("Bob", "Carl")]
    for one in (first, second) if order == "first made first" else (second, first):
        store.merges.undo(one.id)
    assert everything(database) == before


def test_a_merge_that_was_taken_along_twice(store: Store, database: Database) -> None:
    for name in ("Ann", "Bob", "Carl", "Dora"):
        enrol(store, name, name, "all")
    before = everything(database)
    made = [store.merges.merge(*pair) for pair in (("Ann", "Bob"), ("Bob", "Carl"), ("Carl", "Dora"))]
    store.merges.undo(made[1].id)
    assert photos_of(store) == {
        "Bob": {"Ann", "Bob", "all"},
        "Dora": {"Carl", "Dora", "all"},
    }
    for one in (made[2], made[0]):
        store.merges.undo(one.id)
    assert everything(database) == before


def test_with_the_person_goes_what_was_kept_for_an_undo(two: Store, database: Database) -> None:
    two.merges.merge("A. B.", "Ada")
    two.people.remove("Ada")
    for table in ("merges", "merged_photos", "merged_vetoes", "merged_warnings", "photos", "vetoes"):
        assert database.read(f"SELECT COUNT(*) FROM {table}") == [(0,)], table


def test_a_merge_is_forgotten_after_a_time(two: Store, database: Database) -> None:
    made = two.merges.merge("A. B.", "Ada")
    assert two.merges.forget(made.merged_at) == 0, "not before it is so old"
    assert two.merges.forget("9999") == 1
    assert database.read("SELECT COUNT(*) FROM merged_photos") == [(0,)]
    with pytest.raises(EntryNotFound):
        two.merges.undo(made.id)
    later = two.photos.of_person("Ada")
    enrol(two, "Eve", "e1")
    second = two.merges.merge("Ada", "Eve")
    two.merges.undo(second.id)
    assert two.photos.of_person("Ada") == later, (
        "a photo that a forgotten merge moved is moved by the next one"
    )
