"""An embedder's name: what changes it and what must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyeyes.packs import manifest
from manyeyes.packs.embedders import DEFAULT_EMBEDDER
from manyeyes.packs.manifest import Manifest, PackFile
from manyeyes.recognition.models.manifest_parts import DetectorPart, EmbedderPart, Matching
from manyeyes.recognition.recognizer import load


@pytest.fixture(scope="module")
def default(default_pack: Path) -> Manifest:
    return manifest.read(default_pack)


def test_the_default_embedders_name_stays_for_ever(default: Manifest, default_pack: Path) -> None:
    """Enrolled people are kept under it: a change here forgets everybody."""
    assert DEFAULT_EMBEDDER == "dlib-40044313bb505a10"
    assert default.embedder_id == DEFAULT_EMBEDDER == load(default_pack).embedder_id


def test_a_new_version_a_twin_and_another_detector_keep_it(default: Manifest) -> None:
    twin = PackFile(path="embed-int8.onnx", sha256="0" * 64, size_bytes=1)
    converted = tuple(
        file.model_copy(update={"sha256": "1" * 64}) if file.path == "embed.onnx" else file
        for file in default.files
    )
    changed = default.model_copy(
        update={
            "version": "1.1.0",
            "files": (*converted, twin),
            "detector": DetectorPart(kind="yunet", file="yunet.onnx"),
            "matching": Matching(threshold=0.5),
            "embedder": EmbedderPart(precision="int8", batch=1),
        }
    )
    assert changed.embedder_id == DEFAULT_EMBEDDER


@pytest.mark.parametrize(
    "change",
    [
        {"mean": (127.5, 127.5, 127.5)},
        {"std": (128.0, 128.0, 128.0)},
        {"channels": "rgb"},
        {"template": "arcface"},
        {"dimensions": 512},
        {"unit_length": True},
        {"side_px": 112},
    ],
)
def test_what_it_is_fed_changes_it(default: Manifest, change: dict[str, object]) -> None:
    part = EmbedderPart().model_copy(update=change)
    assert default.model_copy(update={"embedder": part}).embedder_id != DEFAULT_EMBEDDER


def test_other_weights_change_it(default: Manifest) -> None:
    weights = tuple(weight.model_copy(update={"source_sha256": "2" * 64}) for weight in default.weights)
    assert default.model_copy(update={"weights": weights}).embedder_id != DEFAULT_EMBEDDER


def test_a_recogniser_of_its_own_has_a_gallery_of_its_own(default: Manifest) -> None:
    assert default.model_copy(update={"files": (), "weights": ()}).embedder_id == "faces@" + default.version


def test_a_manifest_without_parts_is_of_the_first_kinds(default: Manifest) -> None:
    text = default.to_toml()
    old = "".join(
        block
        for block in text.replace("\n[", "\n\0[").split("\0")
        if not block.startswith(("[detector]", "[embedder]", "[matching]"))
    )
    assert "[embedder]" not in old and "[self_test]" in old
    found = manifest.parse(old)
    assert (found.detector.kind, found.embedder.kind, found.matching.threshold) == ("mtcnn", "dlib", 0.58)
    assert found == default.model_copy(update={"detector": found.detector})
