from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyeyes.errors import PackDamaged
from manyeyes.recognition.matching import gallery_fold, layered_gallery
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.matching.gallery_changes import Changes
from manyeyes.recognition.matching.gallery_fold import fold, make_index
from manyeyes.recognition.matching.layered_gallery import LayeredGallery
from manyeyes.recognition.matching.nearest import Exact, build_codes, open_scan
from manyeyes.recognition.matching.vetoes import Veto

DIMENSIONS = 8
PLACES = np.random.default_rng(5).normal(size=(4096, DIMENSIONS)).astype(np.float32)

steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 9), st.integers(1, 12)),
        st.tuples(st.just("replace"), st.integers(0, 9), st.integers(1, 3)),
        st.tuples(st.just("remove"), st.integers(0, 9), st.just(0)),
        st.tuples(st.just("rename"), st.integers(0, 9), st.integers(0, 99)),
        st.tuples(st.just("threshold"), st.integers(1, 30), st.just(0)),
        st.tuples(st.just("fold"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


class Model:
    """The plain truth: a dict of photos, a dict of names."""

    def __init__(self) -> None:
        self.photos: dict[int, tuple[int, np.ndarray]] = {}
        self.names: dict[int, str] = {}
        self.threshold = 1.0
        self.version = 0
        self.used = 0

    def step(self, kind: str, number: int, extra: int) -> Changes:
        before = {photo for photo, (owner, _) in self.photos.items() if owner == number}
        added: dict[int, tuple[int, np.ndarray]] = {}
        removed: set[int] = set()
        people: dict[int, str] = {}
        if kind == "threshold":
            self.threshold = number / 10
        elif kind == "remove":
            removed = before
        elif kind == "rename":
            people = {number: f"person {number} {extra} ñ"}
        else:
            if kind == "replace":
                targets = sorted(before)[:extra]
            else:
                targets = list(range(self.used + 1, self.used + 1 + extra))
                self.used += extra
            added = {photo: (number, PLACES[(photo * 7 + self.version) % len(PLACES)]) for photo in targets}
            people = {number: self.names.get(number, f"person {number}")}
        self.photos = {p: row for p, row in self.photos.items() if p not in removed} | added
        self.names |= people
        self.version += 1
        return Changes.of(
            since=self.version - 1,
            version=self.version,
            mark="m",
            threshold=self.threshold,
            added=[(photo, *row) for photo, row in added.items()],
            removed=removed,
            people=people,
        )

    def gallery(self) -> Gallery:
        rows = [self.photos[photo] for photo in sorted(self.photos)]
        embeddings = np.stack([row[1] for row in rows]) if rows else np.zeros((0, 0), np.float32)
        return Gallery(tuple(self.names[row[0]] for row in rows), embeddings, self.threshold, self.version)


def same(left: Gallery, right: Gallery, faces: np.ndarray) -> None:
    assert (left.version, left.threshold, left.photos) == (right.version, right.threshold, right.photos)
    for one, two in zip(left.match(faces), right.match(faces), strict=True):
        assert one.name == two.name
        assert one.distance == (None if two.distance is None else pytest.approx(two.distance, abs=1e-6))


@settings(max_examples=60, deadline=None)
@given(steps, st.integers(0, 4000))
def test_any_changes_match_as_a_plain_comparison_does(todo: list[tuple[str, int, int]], place: int) -> None:
    """In place and opened anew, over the compressed scan too, with folds in between."""
    faces = np.vstack([PLACES[place : place + 3] + 0.1, PLACES[7:9]])
    model = Model()
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
        patch.setattr(layered_gallery, "SCAN_FROM", 20)
        patch.setattr(gallery_fold, "SCAN_FROM", 20)
        base = Path(name) / "base-0.gal"
        base.write_bytes(Changes.of(since=0, version=0, mark="m", threshold=1.0).to_bytes())
        deltas: list[Path] = []
        index: Path | None = None
        gallery = LayeredGallery.open(base, deltas)
        for step, (kind, number, extra) in enumerate(todo):
            if kind == "fold":
                made = Path(name) / f"base-{step + 1}.gal"
                fold(base, deltas, made)
                base, deltas, index = made, [], made.with_suffix(".idx")
                if not make_index(base, index):
                    index = None
                gallery = LayeredGallery.open(base, deltas, index)
            else:
                deltas.append(Path(name) / f"delta-{step}.gal")
                deltas[-1].write_bytes(model.step(kind, number, extra).to_bytes())
                gallery = gallery.with_changes([Changes.open(deltas[-1])])
            same(gallery, model.gallery(), faces)
        same(LayeredGallery.open(base, deltas, index), model.gallery(), faces)


def scan_of(count: int, folder: Path) -> tuple[np.ndarray, Path]:
    embeddings = np.random.default_rng(1).normal(size=(count, 16)).astype(np.float32)
    build_codes(folder / "x.idx", embeddings)
    return embeddings, folder / "x.idx"


def test_a_scan_finds_past_any_number_of_removed_photos(tmp_path: Path) -> None:
    embeddings, index = scan_of(20_000, tmp_path)
    face = embeddings[17] + 0.01
    order = np.argsort(np.linalg.norm(embeddings - face, axis=1))
    for gone in (0, 1, 100, 127, 500, 2_000, 12_000, 19_999, 20_000):
        without = np.sort(order[:gone])
        (near,) = open_scan(index, embeddings, without).nearest(face[None], 1)
        assert len(near.rows) == min(1, 20_000 - gone), gone
        assert set(near.rows.tolist()) <= set(order[gone : gone + 4].tolist()), gone


def test_the_distance_of_a_scan_is_exact(tmp_path: Path) -> None:
    embeddings, index = scan_of(6_000, tmp_path)
    faces = np.random.default_rng(2).normal(size=(50, 16)).astype(np.float32)
    none = np.zeros(0, np.int64)
    for near, row in zip(open_scan(index, embeddings, none).nearest(faces, 5), faces, strict=True):
        assert np.array_equal(near.distances, np.linalg.norm(embeddings[near.rows] - row, axis=1))
        assert (np.diff(near.distances) >= 0).all()
    found = [near.rows[0] for near in open_scan(index, embeddings, none).nearest(faces, 1)]
    truth = [near.rows[0] for near in Exact(embeddings).nearest(faces, 1)]
    assert np.mean(np.array(found) == truth) >= 0.98


def test_an_index_of_other_embeddings_is_refused(tmp_path: Path) -> None:
    embeddings, index = scan_of(6_000, tmp_path)
    with pytest.raises(PackDamaged, match=r"6000×16 codes for \(5999, 16\)"):
        open_scan(index, embeddings[1:], np.zeros(0, np.int64))
    index.write_bytes(b"something else")
    with pytest.raises(PackDamaged, match="built again"):
        open_scan(index, embeddings, np.zeros(0, np.int64))


def test_a_vetoed_name_gives_way_to_the_next() -> None:
    base = Changes.of(
        since=0, version=1, mark="m", threshold=20.0, people={1: "Ann", 2: "Bob"},
        added=[(1, 1, np.zeros(4, np.float32)), (2, 2, np.full(4, 5.0, np.float32))],
        vetoes=[(1, np.full(4, 1.1, np.float32))],
    )  # fmt: skip
    gallery = LayeredGallery.over(layered_gallery.Layers.over(base), base)
    assert gallery.vetoes[0].name == "Ann"
    faces = np.stack([np.full(4, 1.0, np.float32), np.full(4, 0.1, np.float32)])
    assert [match.name for match in gallery.match(faces)] == ["Bob", "Ann"]
    vetoed = Changes.of(
        since=1, version=2, mark="m", threshold=20.0, people={1: "Eve"}, vetoes=[(1, faces[1])]
    )
    assert [match.name for match in gallery.with_changes([vetoed]).match(faces)] == ["Bob", "Bob"]
    free = Changes.of(since=2, version=3, mark="m", threshold=20.0)
    assert [match.name for match in gallery.with_changes([vetoed, free]).match(faces)] == ["Eve", "Eve"]
    plain = Gallery(("Ann",), np.zeros((1, 4), np.float32), 20.0, 1, vetoes=(Veto("Ann", faces[0]),))
    assert plain.match(faces)[0] == (None, None, 0.0)
    assert Gallery.from_bytes(plain.to_bytes()).match(faces) == plain.match(faces)


def test_a_fold_forgets_what_was_removed(tmp_path: Path) -> None:
    secret = np.arange(100, 104, dtype=np.float32)
    base = Changes.of(
        since=0, version=1, mark="m", threshold=1.0, people={1: "Ann", 2: "Bob"},
        added=[(1, 1, secret), (2, 2, np.zeros(4, np.float32))],
    )  # fmt: skip
    (tmp_path / "a").write_bytes(base.to_bytes())
    (tmp_path / "b").write_bytes(
        Changes.of(since=1, version=2, mark="n", threshold=1.0, removed=[1]).to_bytes()
    )
    fold(tmp_path / "a", [tmp_path / "b"], tmp_path / "c.gal")
    content = (tmp_path / "c.gal").read_bytes()
    assert secret.tobytes() in (tmp_path / "a").read_bytes() and secret.tobytes() not in content
    assert b"Ann" not in content and Changes.open(tmp_path / "c.gal").named() == {2: "Bob"}


@pytest.mark.parametrize("cut", [0, 7, 30, 300, -1])
def test_a_damaged_file_is_refused(tmp_path: Path, cut: int) -> None:
    content = Changes.of(
        since=0, version=1, mark="m", threshold=1.0, people={1: "A"}, added=[(1, 1, PLACES[0])]
    ).to_bytes()
    (tmp_path / "a").write_bytes(content[:cut])
    with pytest.raises(PackDamaged, match="gallery file"):
        Changes.open(tmp_path / "a")
    with pytest.raises(PackDamaged, match="cannot be read"):
        Changes.open(tmp_path / "missing")
