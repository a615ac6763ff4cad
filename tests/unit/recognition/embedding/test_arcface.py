from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from tests import made_models

from manyeyes.errors import ModelRefused
from manyeyes.recognition.embedding.align import cut_chip
from manyeyes.recognition.embedding.arcface import (
    ARCFACE_CHIP,
    SFACE_THRESHOLD,
    ArcFaceEmbedder,
    to_unit_length,
)
from manyeyes.recognition.models.manifest_parts import EmbedderPart

ARCFACE = EmbedderPart(
    kind="arcface",
    file="e.onnx",
    side_px=112,
    template="arcface",
    mean=(127.5,) * 3,
    std=(127.5,) * 3,
    channels="rgb",
    dimensions=512,
    unit_length=True,
)
CHIPS = np.random.default_rng(3).integers(0, 256, (11, 112, 112, 3), np.uint8)


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "e.onnx"
    onnx.save(model, path)
    return path


def part(**changes: object) -> EmbedderPart:
    return ARCFACE.model_copy(update=changes)


@pytest.mark.parametrize(("batch", "limit"), [("n", 8), ("n", 1), (1, 8)])
def test_embeddings_are_the_models_own_scaled_to_length_one(
    tmp_path: Path, batch: object, limit: int
) -> None:
    path = saved(made_models.arcface(batch=batch), tmp_path)
    found = ArcFaceEmbedder(path, part(batch=limit)).embed(CHIPS)
    assert found.shape == (11, 512) and found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    for chip, embedding in zip(CHIPS, found, strict=True):
        blob = cv2.dnn.blobFromImage(chip, 1 / 127.5, (112, 112), (127.5,) * 3, swapRB=True)
        raw = session.run(None, {"input.1": blob})[0][0]
        assert np.allclose(embedding, raw / np.linalg.norm(raw), atol=1e-5)


def test_sface_is_fed_raw_rgb_as_opencv_feeds_it(tmp_path: Path) -> None:
    model = made_models.arcface(128, batch=1, normalises=True, names=("data", "fc1"))
    sface = part(kind="sface", mean=(0.0,) * 3, std=(1.0,) * 3, dimensions=128)
    path = saved(model, tmp_path)
    found = ArcFaceEmbedder(path, sface).embed(CHIPS[:3])
    reference = cv2.FaceRecognizerSF.create(str(path), "")
    for chip, embedding in zip(CHIPS, found, strict=False):
        theirs = reference.feature(chip)[0].copy()
        assert np.allclose(embedding, theirs / np.linalg.norm(theirs), atol=1e-4)
    first, second = reference.feature(CHIPS[0]).copy(), reference.feature(CHIPS[1]).copy()
    theirs = reference.match(first, second, cv2.FaceRecognizerSF_FR_NORM_L2)
    assert np.linalg.norm(found[0] - found[1]) == pytest.approx(theirs, abs=1e-4)


def test_chips_are_cut_as_opencv_cuts_them(tmp_path: Path) -> None:
    reference = cv2.FaceRecognizerSF.create(str(saved(made_models.arcface(128, batch=1), tmp_path)), "")
    picture = cv2.GaussianBlur(np.random.default_rng(5).integers(0, 256, (300, 300, 3), np.uint8), (9, 9), 4)
    turn = np.array([[0.96, -0.28], [0.28, 0.96]])
    points = (ARCFACE_CHIP.template_px @ turn.T + [110, 70]).astype(np.float32)
    face = np.hstack([[0, 0, 1, 1], points.ravel(), [1]]).astype(np.float32)[None]
    theirs, ours = reference.alignCrop(picture, face), cut_chip(picture, points, ARCFACE_CHIP)
    assert np.abs(theirs.astype(int) - ours)[4:-4, 4:-4].max() <= 3


def test_a_channels_last_file_gives_the_same(tmp_path: Path) -> None:
    first = ArcFaceEmbedder(saved(made_models.arcface(), tmp_path), ARCFACE).embed(CHIPS)
    last = ArcFaceEmbedder(saved(made_models.arcface(channels_last=True), tmp_path), ARCFACE).embed(CHIPS)
    assert np.allclose(first, last, atol=1e-6)


def test_the_channels_and_the_mean_matter(tmp_path: Path) -> None:
    path = saved(made_models.arcface(), tmp_path)
    plain = ArcFaceEmbedder(path, ARCFACE).embed(CHIPS[:1])
    for change in ({"channels": "bgr"}, {"mean": (0.0,) * 3}):
        assert not np.allclose(plain, ArcFaceEmbedder(path, part(**change)).embed(CHIPS[:1]), atol=1e-3)


def test_distances_follow_the_cosine() -> None:
    assert pytest.approx((2 - 2 * 0.363) ** 0.5, abs=1e-3) == SFACE_THRESHOLD
    rows = to_unit_length(np.array([[3, 4], [0, 0], [-6, -8]], np.float32))
    assert rows.tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0, 0],
        [pytest.approx(-0.6), pytest.approx(-0.8)],
    ]
    assert np.linalg.norm(rows[0] - rows[2]) == pytest.approx(2)


def test_what_does_not_fit_is_refused_with_what_was_seen(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"160×160 px, 112×112 is supported; inputs: input\.1 float"):
        ArcFaceEmbedder(saved(made_models.arcface(side=160), tmp_path), ARCFACE)
    with pytest.raises(ModelRefused, match="takes 4 chips at once"):
        ArcFaceEmbedder(saved(made_models.arcface(batch=4), tmp_path), ARCFACE)
    embedder = ArcFaceEmbedder(saved(made_models.arcface(256), tmp_path), ARCFACE)
    with pytest.raises(ModelRefused, match="gave 256 finite numbers a chip, 512 finite ones"):
        embedder.embed(CHIPS[:1])
    with pytest.raises(ValueError, match=r"expected uint8 \(n, 112, 112, 3\)"):
        embedder.embed(np.zeros((1, 150, 150, 3), np.uint8))
