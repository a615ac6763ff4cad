"""Packs of an operator's own models, from files to a recogniser that names people."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from tests import made_models

from manyeyes.errors import BadRequest, FileTrouble, PackDamaged, PackError
from manyeyes.packs import manifest, store
from manyeyes.packs.embedders import DEFAULT_EMBEDDER
from manyeyes.packs.examples import suggest
from manyeyes.packs.own import Built, PackOptions, build_own
from manyeyes.packs.verify import self_test, verify
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.recognizer import load

MARK = (152, 104)


def person(seed: int, shot: int = 0) -> np.ndarray:
    """A picture whose pattern is the person, with noise that differs from shot to shot."""
    picture = made_models.picture_of(seed=seed).astype(int)
    picture += np.random.default_rng(100 + shot).integers(-6, 7, picture.shape)
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    picture[MARK[1] : MARK[1] + 8, MARK[0] : MARK[0] + 8] = 255
    return picture


def encoded(picture: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", picture)[1])


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    onnx.save(made_models.yunet(size=(640, 640)), folder / "yunet.onnx")
    onnx.save(made_models.scrfd(), folder / "scrfd.onnx")
    onnx.save(made_models.arcface(), folder / "arcface.onnx")
    sface = made_models.arcface(128, batch=1, normalises=True, names=("data", "fc1"))
    onnx.save(sface, folder / "sface.onnx")
    return folder


@pytest.fixture
def people(tmp_path: Path) -> Path:
    folder = tmp_path / "people"
    for seed, name in enumerate(("Ann", "Bob", "Cem")):
        (folder / name).mkdir(parents=True)
        for shot in range(2):
            (folder / name / f"{shot}.png").write_bytes(encoded(person(seed, shot)))
    (folder / "two.png").write_bytes(encoded(made_models.picture_of((80, 80), (240, 120))))
    return folder


def build(default: Path, tmp_path: Path, **options: object) -> Built:
    return build_own(
        PackOptions(name="ours", **options), default, tmp_path / "data" / "packs" / "ours" / "1.0.0"
    )


def test_own_models_name_people(default_pack: Path, tmp_path: Path, models: Path, people: Path) -> None:
    built = build(
        default_pack,
        tmp_path,
        detector=models / "yunet.onnx",
        embedder=models / "arcface.onnx",
        examples=people,
        licence="ours to use",
    )
    found = verify(built.folder)
    assert found == built.manifest and found.label == "ours@1.0.0"
    assert {file.path for file in found.files} == {"detector.onnx", "embedder.onnx"}
    assert {weight.licence for weight in found.weights} == {"ours to use"}
    assert built.threshold_from == "the examples" and 0.1 < found.matching.threshold < 0.5
    assert built.report is not None
    assert [example.faces for example in built.report.examples] == [2, 1, 1, 1, 1, 1, 1]
    assert built.report.genuine[-1] < found.matching.threshold < built.report.impostor[0]
    recognizer = load(built.folder)
    assert recognizer.embedder_id == found.embedder_id != DEFAULT_EMBEDDER
    enrolled = [recognizer.enrol(encoded(person(seed))).embedding for seed in range(2)]
    assert np.allclose(np.linalg.norm(enrolled, axis=1), 1, atol=1e-6)
    gallery = Gallery(
        ("Ann", "Bob"), np.stack(enrolled), found.matching.threshold, embedder=recognizer.embedder_id
    )
    for seed, name in ((0, "Ann"), (1, "Bob"), (7, None)):
        result, drawn = recognizer.recognize(encoded(person(seed, shot=5)), gallery)
        assert [face.name for face in result.faces] == [name] and drawn
        assert result.faces[0].distance is not None and 0 <= result.faces[0].distance <= 2
        assert np.allclose(result.faces[0].landmarks_px, made_models.landmarks_of(MARK, 8), atol=0.01)
        assert result.pack == "ours@1.0.0"


def test_a_detector_of_ones_own_keeps_the_default_gallery(
    default_pack: Path, tmp_path: Path, models: Path
) -> None:
    built = build(default_pack, tmp_path, detector=models / "scrfd.onnx")
    default = manifest.read(default_pack)
    assert built.manifest.embedder_id == DEFAULT_EMBEDDER == load(built.folder).embedder_id
    assert built.manifest.matching == default.matching and built.threshold_from == "the default pack"
    assert built.manifest.calibration == default.calibration
    paths = {file.path for file in built.manifest.files}
    assert paths == {"detector.onnx"} | {f.path for f in default.files if f.path.startswith("embed")}


def test_an_embedder_of_ones_own_keeps_the_default_detector(
    default_pack: Path, tmp_path: Path, models: Path
) -> None:
    built = build(default_pack, tmp_path, embedder=models / "sface.onnx")
    assert built.manifest.matching.threshold == 1.128 and "SFace" in built.threshold_from
    assert built.manifest.detector == manifest.read(default_pack).detector
    assert built.manifest.calibration is None
    assert {file.path for file in built.manifest.files} == {
        "centerface.onnx",
        "centerface-int8.onnx",
        "embedder.onnx",
    }


def test_examples_travel_only_when_told_to(
    default_pack: Path, tmp_path: Path, models: Path, people: Path
) -> None:
    options = {"detector": models / "yunet.onnx", "embedder": models / "arcface.onnx", "examples": people}
    apart = build(default_pack, tmp_path, **options)
    assert not any(key.startswith("example") for key in apart.manifest.self_test.expected)
    shutil.rmtree(apart.folder)
    together = build(default_pack, tmp_path, include_examples=True, **options)
    expected = together.manifest.self_test.expected
    assert sum(file.path.startswith("examples/") for file in together.manifest.files) == 7
    assert [expected[f"example_{n}"][0] for n in range(1, 8)] == [2, 1, 1, 1, 1, 1, 1]
    assert np.allclose(expected["example_2"][1:], made_models.box_of(MARK, 8), atol=0.01)
    assert len(expected["example_distances"]) == 6
    self_test(together.folder)
    text = (together.folder / "pack.toml").read_text()
    (together.folder / "pack.toml").write_text(text.replace("example_2 = [1.0, ", "example_2 = [3.0, "))
    with pytest.raises(PackDamaged, match=r"self-test example_2\[0\] is 1\.0, expected 3\.0"):
        self_test(together.folder)


def test_an_example_that_cannot_be_read_is_told(
    default_pack: Path, tmp_path: Path, models: Path, people: Path
) -> None:
    (people / "broken.jpg").write_bytes(b"nothing")
    built = build(default_pack, tmp_path, detector=models / "yunet.onnx", examples=people)
    assert built.report is not None and "this is text" in built.report.examples[0].error
    assert built.report.examples[1].faces == 2


def test_without_a_threshold_nothing_is_built(
    default_pack: Path, tmp_path: Path, models: Path, people: Path
) -> None:
    with pytest.raises(BadRequest, match=r"no threshold is known for this embedder \(no examples\)"):
        build(default_pack, tmp_path, embedder=models / "arcface.onnx")
    shutil.rmtree(people / "Bob")
    shutil.rmtree(people / "Cem")
    options = {"detector": models / "yunet.onnx", "embedder": models / "arcface.onnx"}
    with pytest.raises(BadRequest, match="2 pairs of one person, 0 of two"):
        build(default_pack, tmp_path, examples=people, **options)
    with pytest.raises(BadRequest, match=r"--threshold is 2\.5; embeddings of length 1 are between 0 and 2"):
        build(default_pack, tmp_path, threshold=2.5, **options)
    assert not list((tmp_path / "data" / "packs" / "ours").iterdir())
    built = build(default_pack, tmp_path, threshold=0.4, **options)
    assert (built.manifest.matching.threshold, built.threshold_from) == (0.4, "--threshold")


def test_wishes_that_cannot_be_granted(default_pack: Path, tmp_path: Path, models: Path) -> None:
    with pytest.raises(BadRequest, match="neither --detector FILE nor --embedder FILE"):
        build(default_pack, tmp_path)
    with pytest.raises(BadRequest, match="multiples of 32"):
        build(default_pack, tmp_path, detector=models / "yunet.onnx", size_px=(640, 500))
    with pytest.raises(BadRequest, match="--include-examples needs --examples"):
        build(default_pack, tmp_path, detector=models / "yunet.onnx", include_examples=True)
    with pytest.raises(FileTrouble, match="is not a folder"):
        build(default_pack, tmp_path, detector=models / "yunet.onnx", examples=tmp_path / "nowhere")
    with pytest.raises(BadRequest, match="faces is the default pack's name"):
        build_own(PackOptions(name="faces", detector=models / "yunet.onnx"), default_pack, tmp_path / "x")
    build(default_pack, tmp_path, detector=models / "yunet.onnx")
    with pytest.raises(PackError, match=r"ours@1\.0\.0 exists already"):
        build(default_pack, tmp_path, detector=models / "scrfd.onnx")


def test_the_threshold_parts_what_can_be_parted() -> None:
    clear = suggest([0.2, 0.3, 0.4], [0.8, 0.9])
    assert clear is not None and (clear.threshold, clear.misses, clear.false_names) == (0.6, 0, 0)
    mixed = suggest([0.2, 0.3, 0.9], [0.8, 1.0, 1.1])  # 0.9 is given up rather than 0.8 let in
    assert mixed is not None and (mixed.threshold, mixed.misses, mixed.false_names) == (0.55, 1, 0)
    lopsided = suggest([0.2] * 500 + [0.4] * 50, [0.3])  # one stranger weighs more than many misses
    assert lopsided is not None and (lopsided.threshold, lopsided.misses) == (0.25, 50)
    assert suggest([0.9], [0.1]) is None and suggest([0.0, 0.0], [0.0]) is None
    assert suggest([0.1], []) is None and suggest([], [0.1]) is None


def test_packs_are_chosen_by_name_version_or_folder(default_pack: Path, tmp_path: Path, models: Path) -> None:
    data = tmp_path / "data"
    default = manifest.read(default_pack)
    shutil.copytree(default_pack, store.folder_of(data, default.name, default.version))
    for version in ("1.9.0", "1.10.0"):
        options = PackOptions(name="ours", version=version, detector=models / "yunet.onnx")
        build_own(options, default_pack, store.folder_of(data, "ours", version))
    assert store.choose(data, None) == store.folder_of(data, default.name, default.version)
    assert store.choose(data, "ours") == store.folder_of(data, "ours", "1.10.0")
    assert store.choose(data, "ours@1.9.0") == store.folder_of(data, "ours", "1.9.0")
    assert store.choose(data, str(default_pack)) == default_pack.absolute()
    with pytest.raises(PackError, match=r"no pack theirs in .*there: faces@.*, ours@1\.10\.0, ours@1\.9\.0"):
        store.choose(data, "theirs")
    for wanted, why in (
        (str(tmp_path), "has no pack.toml"),
        (str(tmp_path / "gone"), "is no folder with a pack.toml"),
    ):
        with pytest.raises(
            PackError, match=f"{wanted} {why}, so it is no pack; name a pack's folder, or one of"
        ):
            store.choose(data, wanted)
    assert store.use(data, "ours@1.9.0").label == "ours@1.9.0" == store.in_use(data)
    assert store.choose(data, None) == store.folder_of(data, "ours", "1.9.0")
    assert store.use(data, "faces").label == default.label == store.in_use(data)
    with pytest.raises(PackError, match=r"no pack ours@2"):
        store.use(data, "ours@2")
    assert store.in_use(data) == default.label
