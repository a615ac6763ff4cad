"""A real face through a pack of one's own: the default embedder, dressed as one of the ArcFace kind."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from skimage import data as samples
from tests import made_models

from manyeyes.packs.identify import Feed
from manyeyes.packs.own import PackOptions, build_own
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.recognizer import Recognizer, load

ASTRONAUT = samples.astronaut()


def encoded(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def model(default_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dressed") / "dressed.onnx"
    onnx.save(made_models.dressed_as_arcface(default_pack / "embed.onnx"), path)
    return path


def packed(default: Path, model: Path, folder: Path, feed: Feed) -> Recognizer:
    options = PackOptions(name="ours", embedder=model, threshold=0.38, embedder_feed=feed)
    return load(build_own(options, default, folder / "ours").folder)


@pytest.mark.slow
def test_a_real_face_is_fed_as_the_kind_wants_it(default_pack: Path, model: Path, tmp_path: Path) -> None:
    plain = load(default_pack, "fp32").enrol(encoded(ASTRONAUT)).embedding
    plain = plain / np.linalg.norm(plain)
    ours = packed(default_pack, model, tmp_path / "as-read", Feed())
    assert ours.embedder_id.startswith("arcface-")
    enrolled = ours.enrol(encoded(ASTRONAUT)).embedding
    assert np.linalg.norm(enrolled) == pytest.approx(1, abs=1e-6)
    assert float(plain @ enrolled) > 0.97
    gallery = Gallery(("Eileen",), enrolled[None], 0.38, embedder=ours.embedder_id)
    other = np.asarray(Image.fromarray(ASTRONAUT[:, ::-1]).resize((400, 400)))
    result, _ = ours.recognize(encoded(other, "JPEG", quality=80), gallery)
    assert [face.name for face in result.faces] == ["Eileen"]
    raw = packed(default_pack, model, tmp_path / "raw", Feed(mean=(0.0,) * 3, std=(1.0,) * 3))
    assert float(plain @ raw.enrol(encoded(ASTRONAUT)).embedding) < 0.9
