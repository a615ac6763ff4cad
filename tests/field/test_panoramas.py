"""Pictures of extreme shape, and such that lie on their head or side: faces are found in them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from skimage import data as samples

from manyeyes.recognition.detection.detections import NOTHING, Detections
from manyeyes.recognition.detection.in_pieces import find_in_pieces
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.pictures.jpeg import shrink_factor
from manyeyes.recognition.pieces import LONGEST_RATIO, pieces
from manyeyes.recognition.recognizer import Recognizer, load

WIDE = (16_000, 400)
FACE_PX = 200
PLACES_PX = (0, 1000, 1590, 7777, 15_650)
"""Where a face begins: at the edges too, and where two pieces meet."""
SIDES = st.integers(1, 65_500)


@pytest.fixture(scope="module")
def recognizer(default_pack: Path) -> Recognizer:
    return load(default_pack)


def face() -> Any:
    """A face of about `FACE_PX`, BGR (400, 350, 3)."""
    found = cv2.resize(samples.astronaut()[20:220, 130:305], (350, 400), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(found[:, :, ::-1])


def panorama(width: int, height: int) -> Any:
    """Faces along the longer side, on grey noise."""
    canvas = np.random.default_rng(3).integers(110, 140, (height, width, 1), np.uint8).repeat(3, 2)
    for place in PLACES_PX:
        if width > height:
            canvas[:400, place : place + 350] = face()
        else:
            canvas[place : place + 400, :350] = face()[: height - place]
    return canvas


def encoded(image: Any) -> bytes:
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1])


@pytest.mark.parametrize("size", [WIDE, WIDE[::-1]], ids=["wide", "tall"])
@pytest.mark.parametrize("draw", [True, False])
def test_every_face_of_a_panorama_is_found_once(
    recognizer: Recognizer, size: tuple[int, int], draw: bool
) -> None:
    result, _ = recognizer.recognize(encoded(panorama(*size)), Gallery.empty(), draw=draw)
    along = 0 if size[0] > size[1] else 1
    middles = sorted((box.box_xyxy_px[along] + box.box_xyxy_px[along + 2]) / 2 for box in result.faces)
    half = 175 if along == 0 else 200
    assert len(middles) == len(PLACES_PX)
    assert np.allclose(middles, np.array(PLACES_PX) + half, atol=60)


@given(SIDES, SIDES)
@example(16_000, 400)
@example(400, 16_000)
@example(1, 65_500)
def test_pieces_cover_the_picture_and_every_face_is_whole_in_one(width: int, height: int) -> None:
    found = pieces(width, height)
    short = min(width, height)
    if max(width, height) <= LONGEST_RATIO * short:
        assert found == ((0, 0, width, height),)
        return
    along = 0 if width > height else 1
    spans = [(part[along], part[along + 2]) for part in found]
    assert spans[0][0] == 0 and spans[-1][1] == max(width, height)
    assert all(end - start == LONGEST_RATIO * short for start, end in spans)
    assert all(before[1] - after[0] >= short for before, after in pairwise(spans))
    assert all(part[1 - along] == 0 and part[3 - along] == short for part in found)


def test_a_picture_of_usual_shape_is_searched_as_before() -> None:
    def never(image: Any) -> Detections:
        raise AssertionError(image.shape)

    for width, height in ((1280, 720), (720, 1280), (3000, 1000), (2000, 20)):
        assert len(find_in_pieces(never, np.zeros((height, width, 3), np.uint8))) == 0


def test_of_a_face_that_two_pieces_show_the_whole_one_stays() -> None:
    """The first piece ends at 300 and cuts the face, the second one, from 200 on, has it whole."""
    whole = Detections(
        np.array([[50, 10, 130, 90]], np.float32),
        np.array([0.95], np.float32),
        np.full((1, 5, 2), 60, np.float32),
    )
    cut = Detections(
        np.array([[255, 12, 322, 88]], np.float32),
        np.array([1.0], np.float32),
        np.zeros((1, 5, 2), np.float32),
    )
    answers = iter((cut, whole))
    found = find_in_pieces(lambda _: next(answers, NOTHING), np.zeros((100, 500, 3), np.uint8))
    assert found.boxes_xyxy_px.tolist() == [[250, 10, 330, 90]]
    assert found.landmarks_px[0, 0].tolist() == [260, 60]


def test_a_panorama_is_not_shrunk_below_the_detail_of_its_pieces() -> None:
    assert shrink_factor(16_000, 400, 2880) == 1
    assert shrink_factor(40_000, 2_500, 2880) == 2
    assert shrink_factor(12_000, 9_000, 2880) == 4


QUARTERS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@pytest.mark.parametrize("degrees", QUARTERS)
def test_a_face_that_lies_on_its_head_or_side_is_found_and_named(
    recognizer: Recognizer, degrees: int
) -> None:
    upright = np.ascontiguousarray(samples.astronaut()[:, :: -1 if degrees == 90 else 1, ::-1])
    gallery = Gallery(("Eileen",), recognizer.enrol(encoded(upright)).embedding[None], version=1)
    turned = cv2.rotate(upright, QUARTERS[degrees])
    result, predicted = recognizer.recognize(encoded(turned), gallery)
    assert [face.name for face in result.faces] == ["Eileen"]
    expected = cv2.rotate(_painted(upright, recognizer), QUARTERS[degrees])
    rows, columns = np.nonzero(expected)
    box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    assert np.abs(np.array(result.faces[0].box_xyxy_px) - box).max() < 30
    assert predicted is not None and decode(predicted).image_hwc_u8.shape == turned.shape


def _painted(upright: Any, recognizer: Recognizer) -> Any:
    """A mask of the face's box in the upright picture."""
    x1, y1, x2, y2 = recognizer.detector.detect(upright).boxes_xyxy_px[0].astype(int)
    mask = np.zeros(upright.shape[:2], np.uint8)
    mask[y1:y2, x1:x2] = 1
    return mask
