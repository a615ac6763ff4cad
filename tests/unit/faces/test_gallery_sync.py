"""Whatever happens to the registry, a node that follows the master's answers has the master's people."""

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
from manyeyes.recognition.matching.gallery_changes import Changes, full_mark
from manyeyes.store import gallery_history
from manyeyes.store.database import Photo, Registry

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


def change(registry: Registry, kind: str, name: str, number: int) -> None:
    known = {person.name for person in registry.people()}
    if kind == "add":
        registry.add_photos(name, PACK, [photo(number), photo(number + 100)])
    elif kind == "remove" and name in known:
        registry.remove_person(name)
    elif kind == "rename" and name in known and NAMES[number] not in known:
        registry.rename_person(name, NAMES[number])
    elif kind == "embed again":
        registry._db.execute("UPDATE photos SET embedding = ? WHERE sha256 = ?", (photo(number + 50).embedding, f"sha{number}"))  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(steps)
def test_followers_have_the_masters_people(todo: list[tuple[str, str, int]]) -> None:
    """Two followers that look at different times, over answers of many chunks, restarts and reused row ids."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(galleries_room, "CHUNK_BYTES", 300)
        path = Path(name) / "master.db"
        registry = Registry(path)
        master = Galleries(path, Path(name) / "gallery", lambda _: 0.58)
        followers = [Follower(), Follower()]
        for kind, person, number in [*todo, ("follow", "", 0), ("follow", "", 1)]:
            if kind == "follow":
                followers[number].follow(master)
                assert followers[number].people() == truth(path)
            elif kind == "restart":
                registry.close()
                registry = Registry(path)
                master = Galleries(path, Path(name) / "gallery", lambda _: 0.58)
            else:
                before = registry.gallery_version
                had = truth(path)
                change(registry, kind, person, number)
                assert registry.gallery_version > before or truth(path) == had
        registry.close()
        assert all(follower.kinds.count("whole") == 1 for follower in followers)


@pytest.fixture
def master(path: Path, registry: Registry, tmp_path: Path) -> Galleries:
    return Galleries(path, tmp_path / "gallery", lambda _: 0.58)


def test_changes_during_a_transfer_do_not_mix_versions(
    monkeypatch: pytest.MonkeyPatch, path: Path, registry: Registry, master: Galleries
) -> None:
    monkeypatch.setattr(galleries_room, "CHUNK_BYTES", 100)
    registry.add_photos("Ann", PACK, [photo(number) for number in range(20)])
    follower = Follower()
    todo = [
        lambda: registry.remove_person("Ann"),
        lambda: registry.add_photos("Bob", PACK, [photo(number) for number in range(30, 50)]),
        lambda: registry.rename_person("Ann", "Eve") and registry.rename_person("Eve", "Ann"),
    ]
    follower.follow(master, list(todo))
    assert follower.people() == truth(path) and len(follower.people()) == 20
    assert follower.kinds == ["whole", "delta"]


def test_a_rename_sends_no_embedding(registry: Registry, master: Galleries) -> None:
    registry.add_photos("Ann", PACK, [photo(number) for number in range(500)])
    follower = Follower()
    follower.follow(master)
    registry.rename_person("Ann", "Eve")
    piece = master.piece(GalleryQuery(have=follower.version, mark=follower.mark), PACK)
    assert piece.size_bytes < 1500
    change = Changes.from_bytes(piece.chunk)
    assert change.named() == {1: "Eve"} and change.size_photos == 0


def test_a_delta_costs_what_changed_however_many_are_enrolled(path: Path, registry: Registry) -> None:
    """Counted in steps of SQLite's machine: an index that tempts it to look at all photos would show."""

    def steps(since: tuple[int, str]) -> int:
        counted = 0

        def step() -> None:
            nonlocal counted
            counted += 1

        with sqlite3.connect(path) as db:
            db.set_progress_handler(step, 1)
            assert gallery_history.delta(db, PACK, since[0], full_mark(since[1], PACK), 0.58) is not None
        return counted

    taken = []
    for size in (100, 4_000):
        registry.add_photos("Crowd", PACK, [photo(number) for number in range(size)])
        since = gallery_history.newest(registry._db)
        registry.add_photos("Ann", PACK, [photo(size + 1)])
        registry.remove_person("Ann")
        registry.add_photos("Ann", PACK, [photo(size + 2)])
        taken.append(steps(since))
    assert taken[1] < taken[0] * 2, taken


def test_who_is_up_to_date_is_sent_nothing(registry: Registry, master: Galleries) -> None:
    registry.add_photos("Ann", PACK, [photo(1)])
    follower = Follower()
    follower.follow(master)
    query = GalleryQuery(have=follower.version, mark=follower.mark)
    assert master.piece(query, PACK) == Piece("", 0, b"", 0, registry.gallery_version)


def test_a_removed_persons_embedding_is_sent_to_nobody(registry: Registry, master: Galleries) -> None:
    registry.add_photos("Ann", PACK, [photo(77)])
    Follower().follow(master)
    registry.remove_person("Ann")
    piece = master.piece(GalleryQuery(), PACK)
    assert photo(77).embedding not in piece.chunk and Changes.from_bytes(piece.chunk).named() == {}


def test_a_restored_registry_is_told_from_the_one_that_a_node_knows(tmp_path: Path) -> None:
    """Both count to the same version, with other people."""
    path = tmp_path / "master.db"
    registry = Registry(path)
    registry.add_photos("Ann", PACK, [photo(1)])
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        registry._db.backup(copy)
    registry.add_photos("Bob", PACK, [photo(2)])
    follower = Follower()
    follower.follow(Galleries(path, tmp_path / "a", lambda _: 0.58))
    restored = Registry(tmp_path / "copy.db")
    restored.add_photos("Dee", PACK, [photo(3)])
    assert restored.gallery_version == registry.gallery_version
    follower.follow(Galleries(tmp_path / "copy.db", tmp_path / "b", lambda _: 0.58))
    assert follower.people() == truth(tmp_path / "copy.db") and follower.kinds == ["whole", "whole"]


def test_a_node_that_missed_too_much_or_has_another_pack_starts_anew(
    path: Path, registry: Registry, master: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add_photos("Ann", PACK, [photo(1)])
    early, other = Follower(), Follower()
    early.follow(master)
    other.follow(master)
    registry.add_photos("Ann", "own@2", [photo(9)])
    other.follow(master, pack="own@2")
    assert other.people() == truth(path, "own@2") and other.kinds == ["whole", "whole"]
    monkeypatch.setattr(gallery_history, "KEPT_CHANGES", 2)
    registry.add_photos("Bob", PACK, [photo(number) for number in range(10, 20)])
    again = Registry(path)
    early.follow(master)
    assert early.people() == truth(path) and early.kinds == ["whole", "whole"]
    again.close()


def test_who_asks_while_another_snapshot_is_made_hears_so(
    registry: Registry, master: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galleries_room, "_GATHERING_PATIENCE_S", 0.01)
    with master._gathering, pytest.raises(Unavailable, match="for another node"):
        master.piece(GalleryQuery(), PACK)
    assert master.piece(GalleryQuery(), PACK).newest == registry.gallery_version
