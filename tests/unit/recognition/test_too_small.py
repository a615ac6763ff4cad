"""A face with too few pixels is boxed and measured, and compared with nobody."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from manyeyes.errors import FaceTooSmall, SeveralFacesFound
from manyeyes.packs import build
from manyeyes.recognition.arrays import from_half_precision, half_precision
from manyeyes.recognition.detection.detections import Detections
from manyeyes.recognition.embedding.align import DLIB_CHIP
from manyeyes.recognition.extras import WantedExtras
from manyeyes.recognition.face_size import GOOD_PX, KEPT_PX, LEAST_PX
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.open_pack import Parts
from manyeyes.recognition.recognizer import Recognizer
from manyeyes.results import Face, TooSmall

LARGE, SMALL = (10.0, 10.0, 70.0, 80.0), (90.0, 10.0, 90.0 + LEAST_PX - 1, 60.0)
ANN = Gallery(("Ann",), np.array([[1.4, 0.3]], np.float32), 0.58)


class Sees:
    """Finds these boxes, in pixels of a picture 200 px wide, wherever it looks."""

    def __init__(self, *boxes: tuple[float, float, float, float]) -> None:
        self.boxes = np.array(boxes, np.float32)

    def detect(self, image_hwc_u8: np.ndarray, **_: object) -> Detections:
        scale = image_hwc_u8.shape[1] / 200
        sides = (self.boxes[:, 2:] - self.boxes[:, :2])[:, None] / DLIB_CHIP.side_px
        landmarks = self.boxes[:, None, :2] + DLIB_CHIP.template_px[None] * sides
        landmarks = (landmarks + 0.5) * scale - 0.5  # between the centres of pixels
        boxes = self.boxes * scale
        return Detections(boxes, np.ones(len(boxes), np.float32), landmarks.astype(np.float32))


class Embeds:
    """The same embedding for each face; keeps the chips."""

    layout, precision, usual_length, unit_length = DLIB_CHIP, "fp32", 1.34, False

    def __init__(self) -> None:
        self.chips: list[np.ndarray] = []

    def embed(self, chips_nhwc_u8: np.ndarray) -> np.ndarray:
        self.chips += list(chips_nhwc_u8)
        return np.tile(np.array([[1.4, 0.0]], np.float32), (len(chips_nhwc_u8), 1))


def recogniser(*boxes: tuple[float, float, float, float]) -> tuple[Recognizer, Embeds]:
    embedder = Embeds()
    return Recognizer(Parts("p@1", Sees(*boxes), embedder, "e", build.CALIBRATION)), embedder


def picture(width: int = 200, height: int = 100, kind: str = ".png") -> bytes:
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    return bytes(cv2.imencode(kind, noise)[1])


LARGE_JPEG = bytes(
    cv2.imencode(
        ".jpg", cv2.resize(np.random.default_rng(1).integers(0, 256, (600, 1440, 3), np.uint8), (5760, 2400))
    )[1]
)
"""Where nothing is drawn, it is decoded at half its size."""


def test_only_faces_that_are_large_enough_are_embedded_and_compared() -> None:
    known, embedder = recogniser(LARGE, SMALL, LARGE)
    result, _, extras = known.recognize_with(picture(), ANN, draw=True, wish=WantedExtras(unknown=True))
    first, small, last = result.faces
    assert (first.name, last.name, first.too_small) == ("Ann", "Ann", None)
    assert small.too_small == TooSmall(size_px=LEAST_PX - 1, least_px=LEAST_PX)
    assert (small.name, small.distance, small.confidence, small.embedding) == (None, None, 0.0, ())
    assert (small.box_xyxy_px, len(small.landmarks_px)) == ((90, 10, 113, 60), 5)
    assert len(embedder.chips) == 2 and extras.unknown == ()
    sent = from_half_precision(half_precision([face.embedding for face in result.faces]), 3)
    assert sent[1].tolist() == [0.0, 0.0] and sent[2].tolist() == pytest.approx([1.4, 0.0], abs=1e-3)


def test_a_picture_of_small_faces_alone_costs_no_embedding() -> None:
    known, embedder = recogniser(SMALL, SMALL)
    result, _ = known.recognize(picture(), ANN)
    assert all(face.too_small for face in result.faces) and embedder.chips == []
    assert half_precision([face.embedding for face in result.faces]) == b""


def test_a_large_face_that_the_frame_cuts_is_not_small() -> None:
    known, _ = recogniser((-50.0, 10.0, 15.0, 90.0))
    (face,) = known.recognize(picture(), ANN)[0].faces
    assert (face.box_xyxy_px, face.too_small, face.name) == ((0, 10, 15, 90), None, "Ann")


@pytest.mark.parametrize("draw", [True, False])
def test_a_face_is_measured_in_the_picture_that_was_sent(draw: bool) -> None:
    """Without drawing, a large JPEG is shrunk: a face that is small in it is cut out of the whole picture."""
    factor = 5760 / 200
    large = (10.0, 10.0, 10 + (LEAST_PX + 2) / factor, 10 + (LEAST_PX + 4) / factor)
    small = (20.0, 10.0, 20 + (LEAST_PX - 3) / factor, 10 + (LEAST_PX + 4) / factor)
    known, embedder = recogniser(large, small)
    result, _ = known.recognize(LARGE_JPEG, ANN, draw=draw)
    assert [face.too_small and face.too_small.size_px for face in result.faces] == [None, LEAST_PX - 3]
    whole, also = recogniser(large)
    whole.recognize(LARGE_JPEG, ANN, draw=True)
    (chip,) = embedder.chips
    assert np.abs(chip.astype(int) - also.chips[0]).mean() < 2


def test_a_face_that_is_too_small_is_not_enrolled() -> None:
    known, _ = recogniser(SMALL)
    said = f"the face is {LEAST_PX - 1} px wide, {LEAST_PX} or more are needed and {GOOD_PX} or more are better; take"
    with pytest.raises(FaceTooSmall, match=said):
        known.enrol(picture())
    with pytest.raises(FaceTooSmall):
        recogniser(SMALL, SMALL)[0].enrol(picture())
    with pytest.raises(SeveralFacesFound):
        recogniser(LARGE, LARGE)[0].enrol(picture())
    enrolment = recogniser(LARGE, (80.0, 10.0, 90.0, 20.0))[0].enrol(picture())
    assert enrolment.faces == 2 and "bystanders" in [warning.kind for warning in enrolment.warnings]
    assert LEAST_PX < KEPT_PX < GOOD_PX


def test_a_result_of_before_has_no_face_that_is_too_small() -> None:
    before = (
        '{"box_xyxy_px":[0,0,9,9],"landmarks_px":[],"score":1.0,"name":null,"distance":0.7,"threshold":0.58,'
        '"confidence":0.1}'
    )
    assert Face.model_validate_json(before).too_small is None
