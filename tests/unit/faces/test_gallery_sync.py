"""Whatever happens to the people, a node that follows the master's answers has the master's people."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyeyes.contract import GalleryQuery
from manyeyes.errors import Unavailable
from manyeyes.faces import gallery_sync as galleries_room
from manyeyes.faces.gallery_sync import Galleries, Piece
from manyeyes.recognition.matching.gallery_changes import Changes
from manyeyes.store import gallery_history
from manyeyes.store.gallery_view import GalleryView
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store

PACK = "faces@1.0.0"
NAMES = ("Ann", "Bob", "Чен", "Dee")


def photo(number: int) -> Photo:
    return Photo(f"sha{number}", np.full(4, number, "<f4").tobytes())


class Follower:
    """A node, reduced to what it knows."""

    def __init__(self) -> None:
        self.version, self.mark = 0, ""
        self.photos: dict[int, tuple[int, bytes]] = {}
        self.names: dict[int, str] = {}
        self.kinds: list[str] = []

    def follow(self, master: Galleries, between: list[object] | None = None, pack: str = PACK) -> None:
        while True:
            content, received, piece = "", b"", None
            while piece is None or len(received) < piece.size_bytes:
                query = GalleryQuery(have=self.version, mark=self.mark, content=content, offset=len(received))
                piece = master.piece(query, pack)
                if piece.content != content:
                    content, received = piece.content, b""
                assert piece.offset == len(received)
                received += piece.chunk
                if between:
                    between.pop()()  # type: ignore[operator]
            if received:
                self.take(Changes.from_bytes(received))
            if self.version == piece.newest:
                return

    def take(self, change: Changes) -> None:
        assert change.since in (0, self.version)
        self.kinds.append("delta" if change.since else "whole")
        if not change.since:
            self.photos, self.names = {}, {}
        for gone in change.removed.tolist():
            self.photos.pop(gone, None)
        rows = zip(change.photos.tolist(), change.owners.tolist(), change.embeddings, strict=True)
        self.photos |= {number: (owner, row.tobytes()) for number, owner, row in rows}
        self.names |= change.named()
        self.version, self.mark = change.version, change.mark

    def people(self) -> list[tuple[str, bytes]]:
        return sorted((self.names[owner], row) for owner, row in self.photos.values())


def truth(path: Path, pack: str = PACK) -> list[tuple[str, bytes]]:
    with sqlite3.connect(path) as db:
        rows = db.execute(
            "SELECT p.name, f.embedding FROM photos f JOIN people p ON p.id = f.person_id WHERE embedder = ?",
            (pack,),
        )
        return sorted((name, bytes(row)) for name, row in rows)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(NAMES), st.integers(1, 9)),
        st.tuples(st.just("remove"), st.sampled_from(NAMES), st.just(0)),
        st.tuples(st.just("rename"), st.sampled_from(NAMES), st.integers(0, 3)),
        st.tuples(st.just("embed again"), st.sampled_from(NAMES), st.integers(1, 9)),
        st.tuples(st.just("follow"), st.just(""), st.integers(0, 1)),
        st.tuples(st.just("restart"), st.just(""), st.just(0)),
    ),
    max_size=30,
)


def change(store: Store, kind: str, name: str, number: int) -> None:
    known = {person.name for person in store.people.all()}
    if kind == "add":
        store.photos.enrol(name, PACK, [photo(number), photo(number + 100)])
    elif kind == "remove" and name in known:
        store.people.remove(name)
    elif kind == "rename" and name in known and NAMES[number] not in known:
        store.people.rename(name, NAMES[number])
    elif kind == "embed again":
        with store._database.transaction() as cursor:
            cursor.execute("UPDATE photos SET embedding = ? WHERE sha256 = ?", (photo(number + 50).embedding, f"sha{number}"))  # fmt: skip


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(steps)
def test_followers_have_the_masters_people(todo: list[tuple[str, str, int]]) -> None:
    """Two followers that look at different times, over answers of many chunks, restarts and reused row ids."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(galleries_room, "CHUNK_BYTES", 300)
        path = Path(name) / "master.db"
        store = Store.open(path)
        master = Galleries(store.gallery.reader, Path(name) / "gallery", lambda _: 0.58)
        followers = [Follower(), Follower()]
        for kind, person, number in [*todo, ("follow", "", 0), ("follow", "", 1)]:
            if kind == "follow":
                followers[number].follow(master)
                assert followers[number].people() == truth(path)
            elif kind == "restart":
                store.close()
                store = Store.open(path)
                master = Galleries(store.gallery.reader, Path(name) / "gallery", lambda _: 0.58)
            else:
                before = store.gallery.version
                had = truth(path)
                change(store, kind, person, number)
                assert store.gallery.version > before or truth(path) == had
        store.close()
        assert all(follower.kinds.count("whole") == 1 for follower in followers)


@pytest.fixture
def master(store: Store, tmp_path: Path) -> Galleries:
    return Galleries(store.gallery.reader, tmp_path / "gallery", lambda _: 0.58)


def test_changes_during_a_transfer_do_not_mix_versions(
    monkeypatch: pytest.MonkeyPatch, path: Path, store: Store, master: Galleries
) -> None:
    monkeypatch.setattr(galleries_room, "CHUNK_BYTES", 100)
    store.photos.enrol("Ann", PACK, [photo(number) for number in range(20)])
    follower = Follower()
    todo = [
        lambda: store.people.remove("Ann"),
        lambda: store.photos.enrol("Bob", PACK, [photo(number) for number in range(30, 50)]),
        lambda: store.people.rename("Ann", "Eve") and store.people.rename("Eve", "Ann"),
    ]
    follower.follow(master, list(todo))
    assert follower.people() == truth(path) and len(follower.people()) == 20
    assert follower.kinds == ["whole", "delta"]


def test_a_rename_sends_no_embedding(store: Store, master: Galleries) -> None:
    store.photos.enrol("Ann", PACK, [photo(number) for number in range(500)])
    follower = Follower()
    follower.follow(master)
    store.people.rename("Ann", "Eve")
    piece = master.piece(GalleryQuery(have=follower.version, mark=follower.mark), PACK)
    assert piece.size_bytes < 1500
    change = Changes.from_bytes(piece.chunk)
    assert change.named() == {1: "Eve"} and change.size_photos == 0


def test_a_delta_costs_what_changed_however_many_are_enrolled(path: Path, store: Store) -> None:
    """Counted in steps of SQLite's machine: an index that tempts it to look at all photos would show."""

    def steps(since: tuple[int, str]) -> int:
        counted = 0

        def step() -> None:
            nonlocal counted
            counted += 1

        with sqlite3.connect(path) as db:
            db.set_progress_handler(step, 1)
            assert GalleryView(db, PACK).delta(*since, 0.58) is not None
        return counted

    taken = []
    for size in (100, 4_000):
        store.photos.enrol("Crowd", PACK, [photo(number) for number in range(size)])
        with store.gallery.reader.opened(PACK) as view:
            since = view.newest
        store.photos.enrol("Ann", PACK, [photo(size + 1)])
        store.people.remove("Ann")
        store.photos.enrol("Ann", PACK, [photo(size + 2)])
        taken.append(steps(since))
    assert taken[1] < taken[0] * 2, taken


def test_who_is_up_to_date_is_sent_nothing(store: Store, master: Galleries) -> None:
    store.photos.enrol("Ann", PACK, [photo(1)])
    follower = Follower()
    follower.follow(master)
    query = GalleryQuery(have=follower.version, mark=follower.mark)
    assert master.piece(query, PACK) == Piece("", 0, b"", 0, store.gallery.version)


def test_a_removed_persons_embedding_is_sent_to_nobody(store: Store, master: Galleries) -> None:
    store.photos.enrol("Ann", PACK, [photo(77)])
    Follower().follow(master)
    store.people.remove("Ann")
    piece = master.piece(GalleryQuery(), PACK)
    assert photo(77).embedding not in piece.chunk and Changes.from_bytes(piece.chunk).named() == {}


def test_a_restored_registry_is_told_from_the_one_that_a_node_knows(tmp_path: Path) -> None:
    """Both count to the same version, with other people."""
    path = tmp_path / "master.db"
    store = Store.open(path)
    store.photos.enrol("Ann", PACK, [photo(1)])
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        store._database._db.backup(copy)
    store.photos.enrol("Bob", PACK, [photo(2)])
    follower = Follower()
    follower.follow(Galleries(store.gallery.reader, tmp_path / "a", lambda _: 0.58))
    restored = Store.open(tmp_path / "copy.db")
    restored.photos.enrol("Dee", PACK, [photo(3)])
    assert restored.gallery.version == store.gallery.version
    follower.follow(Galleries(restored.gallery.reader, tmp_path / "b", lambda _: 0.58))
    assert follower.people() == truth(tmp_path / "copy.db") and follower.kinds == ["whole", "whole"]


def test_a_node_that_missed_too_much_or_has_another_pack_starts_anew(
    path: Path, store: Store, master: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.photos.enrol("Ann", PACK, [photo(1)])
    early, other = Follower(), Follower()
    early.follow(master)
    other.follow(master)
    store.photos.enrol("Ann", "own@2", [photo(9)])
    other.follow(master, pack="own@2")
    assert other.people() == truth(path, "own@2") and other.kinds == ["whole", "whole"]
    monkeypatch.setattr(gallery_history, "KEPT_CHANGES", 2)
    store.photos.enrol("Bob", PACK, [photo(number) for number in range(10, 20)])
    again = Store.open(path)
    early.follow(master)
    assert early.people() == truth(path) and early.kinds == ["whole", "whole"]
    again.close()


def test_who_asks_while_another_snapshot_is_made_hears_so(
    store: Store, master: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galleries_room, "_GATHERING_PATIENCE_S", 0.01)
    with master._gathering, pytest.raises(Unavailable, match="for another node"):
        master.piece(GalleryQuery(), PACK)
    assert master.piece(GalleryQuery(), PACK).newest == store.gallery.version
