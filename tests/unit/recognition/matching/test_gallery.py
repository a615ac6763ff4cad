from __future__ import annotations

import numpy as np
import pytest

from manyeyes.errors import PackDamaged
from manyeyes.recognition.matching.gallery import Gallery


def embedding(**values: float) -> np.ndarray:
    row = np.zeros((1, 128), np.float32)
    for place, value in values.items():
        row[0, int(place[1:])] = value
    return row


GALLERY = Gallery(
    ("Ann", "Бob", "Ann"), np.vstack([embedding(d0=1), embedding(d1=1), embedding(d2=1)]), 0.58, 7
)


def test_the_nearest_photo_names_the_face() -> None:
    faces = np.vstack([embedding(d0=1.3), embedding(d1=1.0), embedding(d2=1.5799), embedding(d5=1.0)])
    matches = GALLERY.match(faces)
    assert [match.name for match in matches] == ["Ann", "Бob", "Ann", None]
    assert matches[0].distance == pytest.approx(0.3, abs=1e-6)
    assert matches[2].confidence == pytest.approx(0.5, abs=1e-3)
    assert matches[3].distance == pytest.approx(2**0.5, abs=1e-6) and matches[3].confidence < 0.01


def test_no_people_and_no_faces() -> None:
    assert Gallery.empty().match(embedding(d0=1))[0] == (None, None, 0.0)
    assert GALLERY.match(np.zeros((0, 128), np.float32)) == []


def test_bytes_come_back_equal_and_carry_no_pickle() -> None:
    for gallery in (GALLERY, Gallery.empty(version=2), Gallery.empty(embedder="dlib-0")):
        back = Gallery.from_bytes(gallery.to_bytes())
        assert (back.names, back.threshold, back.version) == (
            gallery.names,
            gallery.threshold,
            gallery.version,
        )
        assert np.array_equal(back.embeddings, gallery.embeddings) and back.embedder == gallery.embedder


@pytest.mark.parametrize("data", [b"", b"\x80\x04.", GALLERY.to_bytes()[:-1], GALLERY.to_bytes()[:30]])
def test_damaged_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(PackDamaged, match=f"gallery of {len(data)} bytes"):
        Gallery.from_bytes(data)


def test_names_and_embeddings_must_fit() -> None:
    with pytest.raises(ValueError, match=r"\(2, 128\) for 1 names"):
        Gallery(("Ann",), np.zeros((2, 128), np.float32))
