from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyeyes.errors import ReferenceRefused
from manyeyes.faces.references import FaceReferences

FACE = np.linspace(-0.3, 0.3, 128).astype(np.float32)


@pytest.fixture
def references(tmp_path: Path) -> FaceReferences:
    return FaceReferences(tmp_path / "references.key")


def test_what_was_sealed_comes_back_as_float16(references: FaceReferences, tmp_path: Path) -> None:
    reference = references.close(FACE, "dlib-1234")
    assert reference.isascii() and len(reference) < 430
    for opener in (references, FaceReferences(tmp_path / "references.key")):  # a restart keeps the key
        face = opener.open(reference)
        assert face.embedder == "dlib-1234" and np.abs(face.embedding - FACE).max() < 2e-4
    assert (tmp_path / "references.key").stat().st_mode & 0o777 == 0o600


def test_one_face_has_one_reference_and_another_face_another(references: FaceReferences) -> None:
    assert references.close(FACE, "e") == references.close(FACE, "e")
    assert (
        len({references.close(FACE, "e"), references.close(FACE, "f"), references.close(FACE + 0.01, "e")})
        == 3
    )


def test_another_master_is_named_as_the_cause(references: FaceReferences, tmp_path: Path) -> None:
    with pytest.raises(ReferenceRefused, match="made by another master"):
        FaceReferences(tmp_path / "other.key").open(references.close(FACE, "e"))


@given(st.data())
def test_any_change_is_noticed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    references = FaceReferences(tmp_path_factory.getbasetemp() / "changed.key")
    reference = references.close(FACE, "e")
    place = data.draw(st.integers(0, len(reference) - 2))  # the last character holds spare bits
    letter = data.draw(st.sampled_from("Ab0_-. \n\x00é").filter(lambda c: c != reference[place]))
    with pytest.raises(ReferenceRefused):
        references.open(reference[:place] + letter + reference[place + 1 :])


@pytest.mark.parametrize("text", ["", "mef1.", "mef1.AAAA", "mef2.AAAA", "x" * 400, "mef1." + "A" * 300])
def test_what_is_no_reference_is_refused(references: FaceReferences, text: str) -> None:
    with pytest.raises(ReferenceRefused):
        references.open(text)
