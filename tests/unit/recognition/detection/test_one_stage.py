"""YuNet and SCRFD on made files: every box and landmark is known beforehand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from tests import made_models
from tests.made_models import box_of, landmarks_of, picture_of

from manyeyes.errors import ModelRefused
from manyeyes.recognition.detection.one_stage import Candidates, OneStageDetector, choose, fit
from manyeyes.recognition.detection.scrfd import DEFAULTS as SCRFD
from manyeyes.recognition.detection.scrfd import open_scrfd
from manyeyes.recognition.detection.yunet import DEFAULTS as YUNET
from manyeyes.recognition.detection.yunet import PriorDecoder, open_yunet, priors, read_heads
from manyeyes.recognition.models.manifest_parts import DetectorPart

YUNET_PART = DetectorPart(kind="yunet", file="d.onnx", **YUNET)
SCRFD_PART = DetectorPart(kind="scrfd", file="d.onnx", **SCRFD)


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "d.onnx"
    onnx.save(model, path)
    return path


def hold_against(detector: OneStageDetector, picture: np.ndarray, corners: list, stride: int = 8) -> None:
    found = detector.detect(picture)
    assert len(found) == len(corners)
    for place, corner in enumerate(sorted(corners)):
        assert np.allclose(found.boxes_xyxy_px[place], box_of(corner, stride), atol=0.01)
        assert np.allclose(found.landmarks_px[place], landmarks_of(corner, stride), atol=0.01)
    assert np.allclose(found.scores, 1.0, atol=1e-5) and found.scores.max() <= 1.0
    assert found.boxes_xyxy_px.dtype == found.landmarks_px.dtype == found.scores.dtype == np.float32


@pytest.mark.parametrize("stride", [8, 16, 32])
@pytest.mark.parametrize("reverse", [False, True])
def test_yunet_finds_each_mark_where_it_is(tmp_path: Path, stride: int, reverse: bool) -> None:
    model = saved(made_models.yunet(sees=(stride,), reverse=reverse), tmp_path)
    detector = open_yunet(model, YUNET_PART.model_copy(update={"size_px": (1280, 1280)}))
    corners = [(256, 64), (32, 96)] if stride < 32 else [(480, 224), (0, 224)]
    size = (320, 256) if stride < 32 else (800, 480)
    hold_against(detector, picture_of(*corners, stride=stride, size_wh=size), corners, stride)


@pytest.mark.parametrize("anchors", [1, 2])
@pytest.mark.parametrize("batched", [False, True])
def test_scrfd_finds_each_mark_where_it_is(tmp_path: Path, batched: bool, anchors: int) -> None:
    model = saved(made_models.scrfd(batched=batched, anchors=anchors), tmp_path)
    corners = [(200, 64), (32, 96)]
    hold_against(open_scrfd(model, SCRFD_PART), picture_of(*corners), corners)


def test_yunet_agrees_with_opencvs_own_detector(tmp_path: Path) -> None:
    model = saved(made_models.yunet(), tmp_path)
    picture = picture_of((256, 64), (40, 104), (152, 160), size_wh=(320, 256))
    reference = cv2.FaceDetectorYN.create(str(model), "", (320, 256), 0.9, 0.3)
    _, faces = reference.detect(picture)
    faces = faces[np.argsort(faces[:, 0])]
    found = open_yunet(model, YUNET_PART).detect(picture)
    sides = found.boxes_xyxy_px[:, 2:] - found.boxes_xyxy_px[:, :2]
    ours = np.hstack(
        [found.boxes_xyxy_px[:, :2], sides, found.landmarks_px.reshape(-1, 10), found.scores[:, None]]
    )
    assert ours.shape == faces.shape == (3, 15)
    assert np.abs(ours - faces).max() < 0.01


def test_the_channels_are_as_the_kind_has_them(tmp_path: Path) -> None:
    blue, red = picture_of(), picture_of()
    blue[160:] = red[160:] = (0, 255, 0)  # light enough not to be brightened and looked at again
    blue[64:72, 64:72] = (255, 0, 0)
    red[64:72, 64:72] = (0, 0, 255)
    yunet = open_yunet(saved(made_models.yunet(), tmp_path), YUNET_PART)
    assert (len(yunet.detect(blue)), len(yunet.detect(red))) == (1, 0)
    scrfd = open_scrfd(saved(made_models.scrfd(), tmp_path), SCRFD_PART)
    assert (len(scrfd.detect(blue)), len(scrfd.detect(red))) == (0, 1)


@pytest.mark.parametrize("size", [(333, 217), (97, 131), (640, 33)])
def test_any_size_is_padded_and_boxes_stay_in_the_pictures_pixels(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[16:24, 64:72] = 255
    detector = open_yunet(saved(made_models.yunet(), tmp_path), YUNET_PART)
    hold_against(detector, picture, [(64, 16)])


def test_a_large_picture_is_shrunk_and_told_in_its_own_pixels(tmp_path: Path) -> None:
    picture = np.repeat(np.repeat(picture_of((120, 96)), 4, axis=0), 4, axis=1)
    detector = open_yunet(
        saved(made_models.yunet(), tmp_path), YUNET_PART.model_copy(update={"size_px": (320, 320)})
    )
    found = detector.detect(picture)
    assert np.allclose(found.boxes_xyxy_px[0], box_of((120, 96), 8) * 4, atol=0.05)
    assert np.allclose(found.landmarks_px[0], landmarks_of((120, 96), 8) * 4, atol=0.05)


@pytest.mark.parametrize("picture_wh", [(320, 256), (640, 512), (96, 64)])
def test_a_file_of_one_size_takes_every_picture(tmp_path: Path, picture_wh: tuple[int, int]) -> None:
    detector = open_scrfd(saved(made_models.scrfd(size=(256, 320)), tmp_path), SCRFD_PART)
    detector.warm_up()
    factor = max(1, picture_wh[0] // 320)
    picture = np.zeros((picture_wh[1], picture_wh[0], 3), np.uint8)
    picture[16 * factor : 24 * factor, 64 * factor : 72 * factor] = 255
    found = detector.detect(picture)
    assert np.allclose(found.boxes_xyxy_px[0], box_of((64, 16), 8) * factor, atol=0.05)


def test_nothing_is_looked_at_again_with_a_border(tmp_path: Path) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[0:4, 0:4] = 255  # a mark that fills no cell, until a border of 16 px shifts it
    detector = open_yunet(saved(made_models.yunet(), tmp_path), YUNET_PART)
    assert len(detector.detect(picture)) == 0
    picture[:8, :8] = 255
    assert len(detector.detect(picture)) == 1
    picture[:] = 0
    picture[2:10, 2:10] = 255  # aligned only once 0.25 · 120 = 30 px of grey stand before it
    wide = np.zeros((64, 120, 3), np.uint8)
    wide[:, :64] = picture
    hold_against(detector, wide, [(2, 2)])


def test_the_smallest_pictures_are_fine(tmp_path: Path) -> None:
    detector = open_yunet(saved(made_models.yunet(), tmp_path), YUNET_PART)
    for shape in ((1, 1, 3), (1, 500, 3), (700, 2, 3)):
        assert len(detector.detect(np.zeros(shape, np.uint8))) == 0


def test_an_scrfd_without_landmarks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"6 outputs.*no landmarks"):
        open_scrfd(saved(made_models.scrfd(landmarks=False), tmp_path), SCRFD_PART)


@pytest.mark.parametrize("kind", ["yunet", "scrfd"])
def test_another_model_is_refused_with_what_was_seen(tmp_path: Path, kind: str) -> None:
    other = made_models.scrfd() if kind == "yunet" else made_models.yunet()
    with pytest.raises(ModelRefused, match=r"inputs: input.* float.*outputs: "):
        {"yunet": open_yunet, "scrfd": open_scrfd}[kind](saved(other, tmp_path), YUNET_PART)
    with pytest.raises(ModelRefused, match="112×112 px, detectors of multiples of 32"):
        open_yunet(saved(made_models.arcface(), tmp_path), YUNET_PART)
    with pytest.raises(ModelRefused, match="160×120 px, detectors of multiples of 32"):
        open_yunet(saved(made_models.yunet(size=(120, 160)), tmp_path), YUNET_PART)


def test_of_overlapping_boxes_the_best_is_kept() -> None:
    boxes = np.array([[0, 0, 40, 40], [2, 2, 42, 42], [100, 100, 140, 140], [0, 0, 10, 10], [np.nan] * 4])
    seen = Candidates(boxes, np.array([0.8, 0.9, 0.7, 0.99, 0.99]), np.zeros((5, 5, 2)))
    found = choose(seen, DetectorPart(kind="yunet", score=0.5, overlap=0.3))
    assert found.scores.tolist() == pytest.approx([0.9, 0.7])
    assert len(choose(seen, DetectorPart(kind="yunet", score=0.95, overlap=0.3, min_face_px=40))) == 0


def test_the_canvas_is_never_enlarged() -> None:
    image = np.full((30, 50, 3), 9, np.uint8)
    canvas, scale = fit(image, (640, 640), None)
    assert (
        canvas.shape == (32, 64, 3)
        and scale == (1.0, 1.0)
        and canvas[:30, :50].min() == 9
        and canvas.sum() == 9 * 4500
    )
    canvas, scale = fit(np.zeros((300, 500, 3), np.uint8), (640, 640), (160, 160))
    assert canvas.shape == (160, 160, 3) and scale == pytest.approx((0.32, 0.32))


def test_the_priors_of_the_older_yunet() -> None:
    prior = priors(120, 160)
    cells = [(15, 20, 3), (7, 10, 2), (3, 5, 2), (1, 2, 3)]
    assert len(prior) == sum(rows * columns * sides for rows, columns, sides in cells)
    assert prior[0].tolist() == [4, 4, 10, 10] and prior[3].tolist() == [12, 4, 10, 10]
    assert prior[-1].tolist() == [96, 32, 256, 256]
    count = len(prior)
    outputs = [
        np.zeros((count, 14), np.float32),
        np.zeros((count, 2), np.float32),
        np.zeros((count, 1), np.float32),
    ]
    decoder = read_heads(outputs, 120, 160)
    assert decoder == PriorDecoder(0, 1, 2)
    outputs[0][4, :4] = [5, -2.5, 10 * np.log(2), 5 * np.log(3)]  # the 16 px prior of the second cell
    outputs[0][4, 4:6] = [10, 20]
    outputs[1][4, 1], outputs[2][4] = 0.81, 1.7
    assert len(decoder(outputs, 120, 160, 0.91).scores) == 0
    assert len(decoder(outputs, 120, 160, 0.89).scores) == 1
    seen = decoder(outputs, 120, 160, 0.0)
    assert seen.scores[4] == pytest.approx(0.9) and seen.scores.sum() == pytest.approx(0.9)
    assert np.allclose(seen.boxes_xyxy_px[4], [20 - 16, 0 - 24, 20 + 16, 0 + 24], atol=1e-4)
    assert np.allclose(seen.landmarks_px[4, 0], [28, 36]) and np.allclose(seen.landmarks_px[4, 1], [12, 4])
