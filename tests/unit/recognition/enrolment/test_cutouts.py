"""Faces without a name are cut out where they are worth keeping, and only where they are asked for."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data as samples

from manyeyes.face_results import MAX_CROP_BYTES, MAX_THUMBNAIL_BYTES, PORTRAIT_SIDE_PX, THUMBNAIL_SIDE_PX
from manyeyes.recognition.enrolment.cutouts import thumbnail
from manyeyes.recognition.enrolment.portrait import open_portrait
from manyeyes.recognition.extras import WantedExtras
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.pictures.probe import read_header
from manyeyes.recognition.recognizer import Recognizer, load

BOTH = WantedExtras(unknown=True, thumbnail=True)


@pytest.fixture(scope="module")
def recognizer(default_pack: Path) -> Recognizer:
    return load(default_pack)


def astronaut(side: int = 512, blur: float = 0.0) -> bytes:
    pixels = cv2.resize(samples.astronaut()[:, :, ::-1], (side, side), interpolation=cv2.INTER_AREA)
    if blur:
        pixels = cv2.GaussianBlur(pixels, (0, 0), blur)
    return bytes(cv2.imencode(".png", pixels)[1])


def test_a_face_without_a_name_is_cut_out_and_can_be_embedded_again(recognizer: Recognizer) -> None:
    result, drawn, extras = recognizer.recognize_with(astronaut(), Gallery.empty(), draw=True, wish=BOTH)
    (cut,) = extras.unknown
    assert cut.face == 0 and cut.width_px >= 70 and cut.sharpness > 3 and len(cut.jpeg) < MAX_CROP_BYTES
    info = read_header(cut.jpeg)
    assert info.media_type == "image/jpeg" and max(info.width_px, info.height_px) <= PORTRAIT_SIDE_PX
    again = recognizer.embed_portrait(cut.jpeg, cut.landmarks_px)
    enrolled = recognizer.enrol(astronaut())
    assert float(np.linalg.norm(again.embedding - enrolled.embedding)) < 0.1
    assert [warning.kind for warning in cut.warnings] == [warning.kind for warning in enrolled.warnings]
    green = np.array([0, 200, 0])
    corners = open_portrait(cut.jpeg).reshape(-1, 3).astype(int)
    assert (np.abs(corners - green).sum(axis=1) > 60).all(), "cut before the boxes are drawn"
    assert drawn is not None
    small = read_header(extras.thumbnail)
    assert (small.media_type, small.width_px, small.height_px) == ("image/jpeg", 512, 512)
    plain, same = recognizer.recognize(astronaut(), Gallery.empty())
    assert same == drawn and plain.faces == result.faces
    assert {"keep", "thumbnail"} == set(result.timings_ms) - set(plain.timings_ms)


def test_nothing_is_cut_out_that_was_not_asked_for(recognizer: Recognizer) -> None:
    for wish in (WantedExtras(), WantedExtras(thumbnail=True), WantedExtras(unknown=True)):
        _, _, extras = recognizer.recognize_with(astronaut(), Gallery.empty(), draw=False, wish=wish)
        assert (bool(extras.unknown), extras.thumbnail) == (wish.unknown, b"")
    enrolled = recognizer.enrol(astronaut())
    known = Gallery(("Eileen",), enrolled.embedding[None])
    result, _, extras = recognizer.recognize_with(astronaut(), known, draw=False, wish=BOTH)
    assert [face.name for face in result.faces] == ["Eileen"] and extras.unknown == ()


def test_tiny_and_blurred_faces_are_not_worth_keeping(recognizer: Recognizer) -> None:
    for photo in (astronaut(240), astronaut(512, blur=4.0)):
        result, _, extras = recognizer.recognize_with(photo, Gallery.empty(), draw=False, wish=BOTH)
        assert len(result.faces) == 1 and extras.unknown == ()


def test_a_thumbnail_is_small_whatever_the_picture() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (900, 1600, 3), np.uint8)
    for image in (noise, noise[:1, :], noise[:300, :300], np.zeros((3000, 20, 3), np.uint8)):
        content = thumbnail(image)
        info = read_header(content)
        assert len(content) <= MAX_THUMBNAIL_BYTES
        assert max(info.width_px, info.height_px) == min(THUMBNAIL_SIDE_PX, max(image.shape[:2]))
