from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data as samples

from manyeyes.errors import DamagedPicture
from manyeyes.recognition.embedding.align import DLIB_CHIP, cut_chip
from manyeyes.recognition.enrolment.portrait import cut_portrait, open_portrait
from manyeyes.recognition.enrolment.quality import assess, hidden_part, pose
from manyeyes.recognition.recognizer import Recognizer, load

ASTRONAUT = np.ascontiguousarray(samples.astronaut()[:, :, ::-1])


@pytest.fixture(scope="module")
def recognizer(default_pack: Path) -> Recognizer:
    return load(default_pack, precision="fp32")


def kinds(recognizer: Recognizer, image: np.ndarray) -> set[str]:
    found = recognizer.detector.detect(image)
    largest = int(found.boxes_xyxy_px.prod(axis=1).argmax())
    return {
        caution.kind for caution in assess(image, found.landmarks_px[largest], found.boxes_xyxy_px[largest])
    }


def motion(length: int) -> np.ndarray:
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    return cv2.filter2D(ASTRONAUT, -1, kernel)


def test_each_fault_is_named_and_a_good_photo_has_none(recognizer: Recognizer) -> None:
    assert kinds(recognizer, ASTRONAUT) == set()
    assert kinds(recognizer, cv2.GaussianBlur(ASTRONAUT, (0, 0), 2.0)) == {"blurred"}
    assert kinds(recognizer, motion(9)) == {"blurred"}
    assert "dark" in kinds(recognizer, (ASTRONAUT * 0.15).astype(np.uint8))
    assert "bright" in kinds(recognizer, np.clip(ASTRONAUT * 0.4 + 150, 0, 255).astype(np.uint8))
    assert "small" in kinds(recognizer, cv2.resize(ASTRONAUT, (256, 256), interpolation=cv2.INTER_AREA))
    turned = cv2.warpAffine(ASTRONAUT, cv2.getRotationMatrix2D((222, 118), 45, 1.0), (512, 512))
    assert kinds(recognizer, turned) <= {"tilted", "cut"}


def test_a_face_at_the_edge_is_cut(recognizer: Recognizer) -> None:
    found = recognizer.detector.detect(ASTRONAUT)
    top_left = np.array([190, 105], np.float32)
    part = ASTRONAUT[105:, 190:].copy()
    landmarks, box = found.landmarks_px[0] - top_left, found.boxes_xyxy_px[0] - np.tile(top_left, 2)
    (caution,) = [c for c in assess(part, landmarks, box) if c.kind == "cut"]
    assert (
        caution.value is not None
        and 0.33 < caution.value < 0.7
        and f"{caution.value:.0%}" in caution.sentence
    )


def test_every_caution_carries_its_figures(recognizer: Recognizer) -> None:
    image = cv2.GaussianBlur(ASTRONAUT, (0, 0), 2.5)
    found = recognizer.detector.detect(image)
    (caution,) = assess(image, found.landmarks_px[0], found.boxes_xyxy_px[0])
    assert caution.value is not None and caution.limit is not None and caution.value < caution.limit
    assert f"sharpness {caution.value:.1f}" in caution.sentence and "; focus" in caution.sentence


def head(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Five points of a head in space, turned and seen from far away."""
    points = np.array([[-0.5, 0, 0], [0.5, 0, 0], [0, 0.61, 0.5], [-0.4, 1.03, 0.2], [0.4, 1.03, 0.2]])
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return (points @ (about_z @ about_x @ about_y).T)[:, :2] * 60 + 200


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0, 0, 0), (35, 0, 0), (-20, 0, 30), (0, 25, -10), (0, -20, 0)]
)
def test_the_pose_of_a_known_head_is_found(yaw: float, pitch: float, roll: float) -> None:
    seen = pose(head(yaw, pitch, roll).astype(np.float32))
    assert seen.yaw == pytest.approx(yaw, abs=3)
    assert seen.pitch == pytest.approx(pitch, abs=3)
    assert seen.roll == pytest.approx(roll, abs=3)


def test_the_hidden_part_is_that_beyond_the_edge() -> None:
    landmarks = DLIB_CHIP.template_px.astype(np.float32)
    assert hidden_part((150, 150), landmarks) == 0
    assert hidden_part((150, 75), landmarks) == pytest.approx(0.5)
    assert hidden_part((75, 75), landmarks) == pytest.approx(0.75)


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_a_stored_portrait_embeds_nearly_the_same(recognizer: Recognizer, scale: float) -> None:
    image = cv2.resize(
        ASTRONAUT, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    )
    landmarks = recognizer.detector.detect(image).landmarks_px[0]
    stored, points = cut_portrait(image, landmarks)
    portrait = open_portrait(stored)
    assert max(portrait.shape[:2]) <= 320
    chips = np.stack([cut_chip(image, landmarks), cut_chip(portrait, points)])
    first, again = recognizer.embedder.embed(chips)
    assert np.linalg.norm(first - again) < (0.001 if scale < 4 else 0.1)


def test_a_damaged_portrait_says_so() -> None:
    with pytest.raises(DamagedPicture, match="7 bytes"):
        open_portrait(b"damaged")
