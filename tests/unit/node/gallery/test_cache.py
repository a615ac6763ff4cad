from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from manyeyes.broker.transfer import PartialFile
from manyeyes.contract import GalleryQuery
from manyeyes.errors import Unavailable
from manyeyes.faces import gallery_sync as galleries_room
from manyeyes.faces.gallery_sync import Galleries
from manyeyes.node.gallery import cache as gallerybook
from manyeyes.node.gallery.cache import GalleryCache, wants_fold
from manyeyes.recognition.matching.layered_gallery import LayeredGallery
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store

PACK = "faces@1.0.0"


def photo(number: int) -> Photo:
    return Photo(f"sha{number}", np.full(4, number, "<f4").tobytes())


class Line:
    """A link that ends at a real master's `Galleries`; cut after `chunks_left` chunks."""

    def __init__(self, master: Galleries) -> None:
        self.master = master
        self.asked: list[GalleryQuery] = []
        self.chunks_left = 10**9

    async def fetch_gallery(self, query: GalleryQuery, part: PartialFile, *, gateway: str) -> int:
        while True:
            if not self.chunks_left:
                raise Unavailable("the cable is out")
            self.chunks_left -= 1
            question = query.model_copy(update={"content": part.content, "offset": part.received})
            self.asked.append(question)
            piece = self.master.piece(question, PACK)
            if part.add(piece.content, piece.offset, piece.chunk, piece.size_bytes):
                return piece.newest


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "master.db")


@pytest.fixture
def line(store: Store, tmp_path: Path) -> Line:
    return Line(Galleries(store.gallery.reader, tmp_path / "snapshots", lambda _: 0.58))


@pytest.fixture
def book(line: Line, tmp_path: Path) -> GalleryCache:
    return GalleryCache(line, tmp_path / "gallery")  # type: ignore[arg-type]


def who(book: GalleryCache, number: float) -> str | None:
    assert book.files is not None
    index = Path(book.files.index) if book.files.index else None
    gallery = LayeredGallery.open(Path(book.files.base), map(Path, book.files.deltas), index)
    assert gallery.version == book.version == book.files.version
    return gallery.match(np.full((1, 4), number, np.float32))[0].name


def test_changes_come_as_deltas_and_last_over_a_restart(
    store: Store, line: Line, book: GalleryCache, tmp_path: Path
) -> None:
    store.photos.enrol("Ann", PACK, [photo(1)])
    asyncio.run(book.refresh(0))
    store.photos.enrol("Bob", PACK, [photo(2)])
    store.people.rename("Ann", "Eve")
    asyncio.run(book.refresh(store.gallery.version))
    assert [who(book, 1), who(book, 2)] == ["Eve", "Bob"]
    assert book.files is not None and len(book.files.deltas) == 1
    asked = len(line.asked)
    again = GalleryCache(line, tmp_path / "gallery")  # type: ignore[arg-type]
    assert again.files == book.files
    asyncio.run(again.refresh(store.gallery.version))
    assert len(line.asked) == asked
    store.people.remove("Bob")
    asyncio.run(again.refresh(store.gallery.version))
    assert [who(again, 1), who(again, 2)] == ["Eve", None]
    assert line.asked[-1].have > 0


@pytest.mark.parametrize("kind", ["base", "delta", "state"])
def test_damaged_files_are_fetched_again(
    store: Store, line: Line, book: GalleryCache, tmp_path: Path, kind: str
) -> None:
    for number, name in enumerate(("Ann", "Bob", "Dee")):
        store.photos.enrol(name, PACK, [photo(number)])
        asyncio.run(book.refresh(store.gallery.version))
    path = next((tmp_path / "gallery").glob(f"{kind}*"))
    path.write_bytes(path.read_bytes()[:-1])
    again = GalleryCache(line, tmp_path / "gallery")  # type: ignore[arg-type]
    assert again.files is None and list((tmp_path / "gallery").iterdir()) == []
    asyncio.run(again.refresh(1))
    assert [who(again, number) for number in range(3)] == ["Ann", "Bob", "Dee"]


def test_a_fetch_goes_on_where_the_line_was_cut(
    store: Store, line: Line, book: GalleryCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galleries_room, "CHUNK_BYTES", 200)
    store.photos.enrol("Ann", PACK, [photo(number) for number in range(100)])
    line.chunks_left = 5
    with pytest.raises(Unavailable):
        asyncio.run(book.refresh(1))
    store.photos.enrol("Bob", PACK, [photo(500)])
    line.chunks_left = 10**9
    asyncio.run(book.refresh(1))
    offsets = [question.offset for question in line.asked]
    assert offsets[:7] == [0, 200, 400, 600, 800, 1000, 1200] and offsets.count(0) == 2
    assert who(book, 500) == "Bob"


def test_a_master_with_another_history_is_believed(
    store: Store, line: Line, book: GalleryCache, tmp_path: Path
) -> None:
    for number in range(5):
        store.photos.enrol(f"P{number}", PACK, [photo(number)])
    asyncio.run(book.refresh(0))
    other = Store.open(tmp_path / "other.db")
    other.photos.enrol("Zoe", PACK, [photo(3)])
    line.master = Galleries(other.gallery.reader, tmp_path / "others", lambda _: 0.58)
    asyncio.run(book.refresh(0))
    assert book.version == other.gallery.version and who(book, 3) == "Zoe" and who(book, 0) is None


def test_folding_keeps_the_answers_and_later_changes(
    store: Store, book: GalleryCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the real process at the lowest priority; a change that comes meanwhile stays."""
    monkeypatch.setattr(gallerybook, "MOST_DELTAS", 2)

    async def story() -> None:
        folding = asyncio.create_task(book.keep_folded())
        for number in range(4):
            store.photos.enrol(f"P{number}", PACK, [photo(number)])
            await book.refresh(store.gallery.version)
        store.people.remove("P0")
        await book.refresh(store.gallery.version)
        for _ in range(300):
            if book.files is not None and len(book.files.deltas) <= 2:
                break
            await asyncio.sleep(0.1)
        folding.cancel()
        await asyncio.wait([folding])

    asyncio.run(story())
    assert book.files is not None and len(book.files.deltas) <= 2
    assert [who(book, number) for number in range(4)] == [None, "P1", "P2", "P3"]
    again = GalleryCache(book._link, tmp_path / "gallery")
    assert again.files == book.files
    assert {path.name for path in (tmp_path / "gallery").iterdir()} == {
        "state.json",
        *(Path(path).name for path in again._paths()),
    }


def test_forgotten_files_are_fetched_whole(store: Store, line: Line, book: GalleryCache) -> None:
    store.photos.enrol("Ann", PACK, [photo(1)])
    asyncio.run(book.refresh(0))
    asyncio.run(book.forget())
    assert book.files is None
    asyncio.run(book.refresh(1))
    assert who(book, 1) == "Ann" and line.asked[-1].have == 0


@pytest.mark.parametrize(
    ("base", "index", "changed", "deltas", "wanted"),
    [
        (0, False, 1000, 1, False),
        (0, False, 1001, 1, True),
        (100, False, 5, 49, True),
        (3_999, False, 0, 0, False),
        (4_000, False, 0, 0, True),
        (1_000_000, True, 20_000, 48, False),
        (1_000_000, True, 20_001, 48, True),
    ],
)
def test_when_a_base_is_made_anew(base: int, index: bool, changed: int, deltas: int, wanted: bool) -> None:
    assert wants_fold(base, index, changed, deltas) is wanted
