"""A pack's calibration on its way: manifest, recogniser, confidence."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data as samples

from manyeyes.errors import PackDamaged
from manyeyes.packs import manifest
from manyeyes.packs.build import CALIBRATION
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.recognizer import load


@pytest.fixture(scope="module")
def photo() -> bytes:
    out = io.BytesIO()
    Image.fromarray(samples.astronaut()).save(out, "PNG")
    return out.getvalue()


def with_calibration(pack: Path, target: Path, calibrated: bool) -> Path:
    folder = Path(shutil.copytree(pack, target))
    found = manifest.read(folder).model_copy(update={"calibration": CALIBRATION if calibrated else None})
    (folder / manifest.MANIFEST_NAME).write_text(found.to_toml())
    assert manifest.read(folder) == found
    return folder


def test_confidence_is_the_calibrated_one_and_falls_with_the_gallery(
    default_pack: Path, tmp_path: Path, photo: bytes
) -> None:
    recognizer = load(with_calibration(default_pack, tmp_path / "pack", True))
    embedding = recognizer.enrol(photo).embedding
    off = np.zeros_like(embedding)
    off[0] = 0.5
    seen = []
    for crowd in (0, 50):
        others = np.full((crowd, len(embedding)), 9, np.float32)
        names = ("Eileen", *(f"p{n}" for n in range(crowd)))
        gallery = Gallery(names, np.vstack([embedding + off, others]))
        result, _ = recognizer.recognize(photo, gallery, draw=False)
        (face,) = result.faces
        assert result.provenance is not None and result.provenance.calibrated
        assert face.distance is not None and len(face.embedding) == len(embedding)
        assert face.confidence == pytest.approx(CALIBRATION.confidence(face.distance, crowd + 1))
        assert "embedding" not in result.model_dump_json()
        seen.append(face.confidence)
    assert seen[0] > seen[1]


def test_without_calibration_the_result_says_so(default_pack: Path, tmp_path: Path, photo: bytes) -> None:
    recognizer = load(with_calibration(default_pack, tmp_path / "pack", False))
    gallery = Gallery(("Eileen",), recognizer.enrol(photo).embedding[None])
    result, _ = recognizer.recognize(photo, gallery, draw=False)
    assert result.provenance is not None and not result.provenance.calibrated
    assert recognizer.calibration is None and result.faces[0].confidence > 0.99


def test_a_calibration_that_makes_no_sense_is_refused(default_pack: Path, tmp_path: Path) -> None:
    folder = with_calibration(default_pack, tmp_path / "pack", True)
    path = folder / manifest.MANIFEST_NAME
    path.write_text(path.read_text().replace("impostor_sd = 0.088", "impostor_sd = -1.0"))
    with pytest.raises(PackDamaged, match="impostor_sd"):
        load(folder)
    with pytest.raises(PackDamaged, match=r"calibration\.impostor_sd"):
        manifest.read(folder)
