from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data as samples

from manyeyes.errors import DamagedPicture, EmbedderMismatch, NoFaceFound, PackDamaged, SeveralFacesFound
from manyeyes.packs import build
from manyeyes.recognition.detection.detections import Detections
from manyeyes.recognition.embedding.align import DLIB_CHIP, cut_chip, similarity
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.open_pack import Parts
from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.recognizer import Recognizer, load


@pytest.fixture(scope="module")
def recognizer(default_pack: Path) -> Recognizer:
    loaded = load(default_pack)
    loaded.warm_up()
    return loaded


def saved(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


ASTRONAUT = samples.astronaut()


def gallery_of(recognizer: Recognizer) -> Gallery:
    enrolled = recognizer.enrol(saved(ASTRONAUT))
    return Gallery(("Eileen",), enrolled.embedding[None], version=3)


def test_a_mirrored_smaller_jpeg_is_the_same_person(recognizer: Recognizer) -> None:
    other = np.asarray(Image.fromarray(ASTRONAUT[:, ::-1]).resize((400, 400)))
    result, predicted = recognizer.recognize(saved(other, "JPEG", quality=80), gallery_of(recognizer))
    assert [face.name for face in result.faces] == ["Eileen"]
    face = result.faces[0]
    x1, y1, x2, y2 = face.box_xyxy_px
    assert 170 < x1 < 210 and 40 < y1 < 60 and 230 < x2 < 275 and 120 < y2 < 150
    assert face.distance is not None and face.distance < 0.35 and face.confidence > 0.95 and face.score > 0.8
    assert len(face.landmarks_px) == 5 and result.pack == f"faces@{build.VERSION}"
    assert set(result.timings_ms) == {"decode", "detect", "align", "embed", "match", "draw", "encode"}
    assert predicted is not None
    shown = decode(predicted)
    assert shown.info.format == "jpeg" and (shown.info.width_px, shown.info.height_px) == (400, 400)


def test_a_turned_photo_is_seen_upright(recognizer: Recognizer) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(np.rot90(ASTRONAUT[:, :400]).copy(), "JPEG", exif=exif.tobytes())
    result, predicted = recognizer.recognize(data, gallery_of(recognizer))
    assert [face.name for face in result.faces] == ["Eileen"]
    assert (result.width_px, result.height_px) == (400, 512)
    assert predicted is not None and decode(predicted).image_hwc_u8.shape == (512, 400, 3)


def test_nobody_enrolled_and_nothing_drawn(recognizer: Recognizer) -> None:
    result, predicted = recognizer.recognize(saved(ASTRONAUT), Gallery.empty(), draw=False)
    assert [(face.name, face.distance) for face in result.faces] == [(None, None)]
    assert predicted is None and "draw" not in result.timings_ms


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (40, 40), (300, 300)])
def test_pictures_without_faces_come_back_unchanged(recognizer: Recognizer, shape: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), 90, np.uint8)
    result, predicted = recognizer.recognize(saved(pixels), Gallery.empty())
    assert result.faces == () and predicted is not None
    assert np.array_equal(decode(predicted).image_hwc_u8, pixels)


def test_a_tight_crop_is_found_by_its_grey_border(recognizer: Recognizer) -> None:
    crop = ASTRONAUT[68:172, 178:266].copy()
    result, _ = recognizer.recognize(saved(crop), gallery_of(recognizer))
    assert [face.name for face in result.faces] == ["Eileen"]
    x1, y1, x2, y2 = result.faces[0].box_xyxy_px
    assert 0 <= x1 < x2 <= 88 and 0 <= y1 < y2 <= 104


def test_enrolment_wants_one_face(recognizer: Recognizer) -> None:
    with pytest.raises(NoFaceFound, match="300×200 px"):
        recognizer.enrol(saved(np.zeros((200, 300, 3), np.uint8)))
    with pytest.raises(SeveralFacesFound, match="2 faces found, 1 is allowed"):
        recognizer.enrol(saved(np.hstack([ASTRONAUT, ASTRONAUT])))
    with pytest.raises(DamagedPicture):
        recognizer.enrol(saved(ASTRONAUT, "JPEG")[:9000])


def test_a_passer_by_is_passed_over(recognizer: Recognizer) -> None:
    pixels = np.hstack([ASTRONAUT, np.zeros((512, 256, 3), np.uint8)])
    pixels[:230, 512:742] = np.asarray(Image.fromarray(ASTRONAUT).resize((230, 230)))
    enrolled = recognizer.enrol(saved(pixels))
    assert enrolled.faces == 2 and any("ignored" in warning.sentence for warning in enrolled.warnings)


def test_a_pack_with_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackDamaged, match=r"pack\.toml"):
        load(tmp_path)
    (tmp_path / "pack.toml").write_text('name = "faces"\nversion = "1"\n[detector]\nkind = "centerface"\n')
    with pytest.raises(PackDamaged, match=r"centerface\.onnx"):
        load(tmp_path)


def test_alignment_finds_a_known_similarity() -> None:
    turn = np.array([[0.8, -0.6], [0.6, 0.8]]) * 3.0
    points = (DLIB_CHIP.template_px - [10, 20]) @ np.linalg.inv(turn).T
    assert np.allclose(similarity(points), np.hstack([turn, [[10], [20]]]))


def test_large_faces_are_shrunk_to_the_same_chip() -> None:
    rows, columns = np.mgrid[0:150, 0:150]
    small = np.stack([rows, columns, (rows + columns) // 2], axis=2).astype(np.uint8)
    large = np.asarray(Image.fromarray(small).resize((600, 600), Image.Resampling.BICUBIC))
    points = (DLIB_CHIP.template_px + 0.5) * 4 - 0.5
    difference = cut_chip(large, points.astype(np.float32)).astype(int) - small
    assert np.abs(difference[5:-5, 5:-5]).max() <= 2


@pytest.mark.parametrize("size", [(1300, 1301), (2561, 2561), (3001, 2801), (3000, 40)])
def test_a_large_picture_gives_boxes_in_its_own_pixels(recognizer: Recognizer, size: tuple[int, int]) -> None:
    large = Image.fromarray(ASTRONAUT).resize(size)
    result, _ = recognizer.recognize(saved(np.asarray(large), "JPEG"), Gallery.empty(), draw=False)
    if min(size) < 100:
        assert result.faces == ()
        return
    box = np.array(result.faces[0].box_xyxy_px) / np.tile(np.array(size) / 512, 2)
    assert np.abs(box - [180, 63, 264, 172]).max() < 14


def test_a_gallery_of_another_embedder_is_refused(recognizer: Recognizer) -> None:
    known = gallery_of(recognizer)
    for embedder, raises in ((recognizer.embedder_id, False), ("", False), ("arcface-0", True)):
        gallery = Gallery(known.names, known.embeddings, version=3, embedder=embedder)
        if not raises:
            result, _ = recognizer.recognize(saved(ASTRONAUT), gallery, draw=False)
            assert [face.name for face in result.faces] == ["Eileen"]
            continue
        with pytest.raises(EmbedderMismatch, match=r"of arcface-0, .* makes those of dlib-40044313bb505a10"):
            recognizer.recognize(saved(ASTRONAUT), gallery, draw=False)
    empty = Gallery.empty(embedder="arcface-0")
    assert recognizer.recognize(saved(ASTRONAUT), empty, draw=False)[0].faces[0].name is None


class OneFace:
    """Finds a face wherever it looks."""

    def detect(self, image_hwc_u8: np.ndarray, *, original_px: int = 0) -> Detections:
        box = np.array([[10, 10, 50, 50]], np.float32)
        return Detections(box, np.ones(1, np.float32), DLIB_CHIP.template_px[None].astype(np.float32) / 3)


class FixedLength:
    """Every face has this embedding, at a distance of .5 from that of the gallery below."""

    layout, precision, usual_length = DLIB_CHIP, "fp32", 1.34

    def __init__(self, length: float) -> None:
        self.embedding = np.array([[length, 0.0]], np.float32)

    def embed(self, chips_nhwc_u8: np.ndarray) -> np.ndarray:
        return self.embedding


@pytest.mark.parametrize(("length", "name"), [(1.4, "Ann"), (1.27, "Ann"), (1.25, None)])
def test_what_only_resembles_a_face_must_be_nearer(length: float, name: str | None) -> None:
    parts = Parts("p@1", OneFace(), FixedLength(length), "e", build.CALIBRATION)
    gallery = Gallery(("Ann",), np.array([[length, 0.5]], np.float32), 0.58)
    result, _ = Recognizer(parts).recognize(saved(np.zeros((64, 64, 3), np.uint8)), gallery)
    (face,) = result.faces
    assert (face.name, face.distance) == (name, pytest.approx(0.5))
    lack = max(0.0, 1.34 - length)
    assert face.confidence == pytest.approx(build.CALIBRATION.confidence(0.5 + lack, 1.0))
