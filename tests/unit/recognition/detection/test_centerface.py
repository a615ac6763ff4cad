"""CenterFace: its maps against plain loops, and pictures that need more than one search."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from skimage import data as samples

from manyeyes.errors import PackDamaged
from manyeyes.packs import build, weights
from manyeyes.recognition.detection import closer_look
from manyeyes.recognition.detection.centerface import CenterFace, decode
from manyeyes.recognition.open_pack import open_parts
from manyeyes.recognition.pictures.noise import noise
from manyeyes.results import Precision

PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")


@pytest.fixture(scope="module", params=PRECISIONS)
def detector(request: pytest.FixtureRequest, default_pack: Path) -> CenterFace:
    return CenterFace(default_pack, request.param)


def portrait(height_px: int) -> Any:
    """Head and shoulders, BGR; the face is about 0.6 of the height."""
    part = samples.astronaut()[0:250, 100:350, ::-1]
    return cv2.resize(part, (height_px, height_px), interpolation=cv2.INTER_AREA)


def crowd(size_wh: tuple[int, int], face_px: int, places: list[tuple[int, int]]) -> Any:
    canvas = np.full((size_wh[1], size_wh[0], 3), 150, np.uint8)
    person = portrait(round(face_px / 0.6))
    side = len(person)
    for x, y in places:
        canvas[y : y + side, x : x + side] = person
    return canvas


def searches(detector: CenterFace, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The sizes (h, w) of the canvases that the network is run on from now on."""
    seen: list[tuple[int, ...]] = []
    run = detector._maps

    def maps(canvas: Any) -> Any:
        seen.append(canvas.shape[:2])
        return run(canvas)

    monkeypatch.setattr(detector, "_maps", maps)
    return seen


def test_maps_are_read_as_published() -> None:
    """Of each cell: box from the exponents of the sides and the offsets, landmarks as parts of the sides."""
    rng = np.random.default_rng(5)
    maps = np.full((1, 15, 40, 60), -9.0, np.float32)
    maps[0, 1:] = rng.uniform(0.0, 1.0, (14, 40, 60))
    cells = [(3, 4), (20, 41), (39, 59)]
    for row, column in cells:
        maps[0, 0, row, column] = 2.0
        maps[0, 1:3, row, column] = 1.0, 2.0
    found = decode(maps, 0.5)
    assert len(found) == len(cells)
    for row, column in cells:
        cell = maps[0, :, row, column]
        height, width = 4 * np.exp(cell[1]), 4 * np.exp(cell[2])
        left = (column + cell[4] + 0.5) * 4 - width / 2
        top = (row + cell[3] + 0.5) * 4 - height / 2
        place = int(np.abs(found.boxes_xyxy_px[:, :2] - (left, top)).sum(axis=1).argmin())
        assert np.allclose(found.boxes_xyxy_px[place], (left, top, left + width, top + height), atol=1e-3)
        assert found.scores[place] == pytest.approx(1 / (1 + np.exp(-2.0)))
        points = [(left + cell[6 + 2 * j] * width, top + cell[5 + 2 * j] * height) for j in range(5)]
        assert np.allclose(found.landmarks_px[place], points, atol=1e-3)
    assert len(decode(maps, 0.9)) == 0


def test_a_large_face_takes_one_search_of_a_small_copy(
    detector: CenterFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = searches(detector, monkeypatch)
    picture = crowd((1280, 960), 300, [(500, 200)])
    found = detector.detect(picture)
    assert len(found) == 1 and seen == [(320, 416)]
    left, right, nose, *_ = found.landmarks_px[0]
    assert left[0] < nose[0] < right[0] and nose[1] > max(left[1], right[1])


def test_a_crowd_is_found_whole_and_each_face_once(
    detector: CenterFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faces of 62 px everywhere, on the seams of tiles too, beside one of 300 px."""
    seen = searches(detector, monkeypatch)
    places = [(x, y) for x in range(20, 660, 109) for y in range(20, 850, 107)]
    picture = crowd((1280, 960), 62, places)
    large = portrait(500)
    picture[200:700, 780:1280] = large
    found = detector.detect(picture)
    sides = closer_look.longer(found.boxes_xyxy_px)
    assert sum(sides > 150) == 1
    assert len(found) - 1 == pytest.approx(len(places), abs=0.05 * len(places))
    middles = (found.boxes_xyxy_px[:, :2] + found.boxes_xyxy_px[:, 2:])[sides < 130] / 2
    apart = np.linalg.norm(middles[:, None] - middles[None], axis=2) + 99 * np.eye(len(middles))
    assert apart.min() > 30
    assert max(max(shape) for shape in seen) <= closer_look.TILE_PX


def test_a_very_large_picture_is_searched_a_third_time(
    default_pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = CenterFace(default_pack, "int8")
    picture = crowd((3000, 2000), 50, [(300 + 110 * step, 400) for step in range(6)])
    picture[600:750, 400:550] = portrait(150)
    few = len(detector.detect(picture))
    seen = searches(detector, monkeypatch)
    assert len(detector.detect(picture, original_px=24_000_000)) == 7 >= few
    assert [max(shape) for shape in seen[:1]] == [512] and 3 < len(seen) < 9


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (5, 3), (31, 640)])
def test_slivers_have_no_faces(default_pack: Path, shape: tuple[int, int]) -> None:
    assert len(CenterFace(default_pack).detect(np.zeros((*shape, 3), np.uint8))) == 0


def test_the_built_network_gives_what_the_published_file_gives(default_pack: Path) -> None:
    import onnxruntime

    published = onnx.load_from_string(weights.obtain(weights.CENTERFACE))
    entry = next(one for one in published.graph.input if one.name == "input.1")
    for part in (entry, *published.graph.output):
        part.type.tensor_type.ClearField("shape")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        published.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    tensor = noise(64, 96)[None, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    heat, *rest = session.run(["537", "538", "539", "540"], {"input.1": tensor})
    maps = CenterFace(default_pack).raw_outputs(noise)["detector"]
    assert np.allclose(1 / (1 + np.exp(-maps[:, :1])), heat, atol=1e-5)
    assert np.allclose(maps[:, 1:], np.concatenate(rest, axis=1), atol=1e-4)


def test_a_pack_from_before_is_refused_with_what_to_do(default_pack: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(default_pack, tmp_path / "old"))
    manifest = (folder / "pack.toml").read_text()
    block = manifest[manifest.index("[detector]") : manifest.index("[embedder]")]
    (folder / "pack.toml").write_text(manifest.replace(block, "").replace(build.VERSION, "1.3.0"))
    with pytest.raises(PackDamaged, match=r"faces@1\.3\.0 finds faces with MTCNN.*packs build"):
        open_parts(folder)
