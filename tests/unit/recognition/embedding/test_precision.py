from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from manyeyes.errors import PackDamaged
from manyeyes.packs.verify import self_test
from manyeyes.recognition.embedding.precision import (
    INT8_FEATURES,
    PrecisionSetting,
    choose,
    processor_features,
)
from manyeyes.recognition.pictures import draw, fonts, labels
from manyeyes.recognition.recognizer import load
from manyeyes.results import Precision

BOTH: frozenset[Precision] = frozenset({"fp32", "int8"})


@pytest.mark.parametrize(
    ("setting", "features", "offered", "chosen"),
    [
        ("auto", {"AVX", "AVX2"}, {"fp32", "int8"}, "int8"),
        ("auto", {"NEON", "NEON_DOTPROD"}, {"fp32", "int8"}, "int8"),
        ("auto", {"SSE4.1", "AVX"}, {"fp32", "int8"}, "fp32"),
        ("auto", {"NEON"}, {"fp32", "int8"}, "fp32"),
        ("auto", {"AVX2"}, {"fp32"}, "fp32"),
        ("fp32", {"AVX2"}, {"fp32", "int8"}, "fp32"),
        ("int8", {"SSE4.1"}, {"fp32", "int8"}, "int8"),
    ],
)
def test_the_choice(
    setting: PrecisionSetting, features: set[str], offered: set[Precision], chosen: Precision
) -> None:
    assert choose(setting, frozenset(features), frozenset(offered)) == chosen


def test_the_processor_names_its_features() -> None:
    assert processor_features() & {"SSE2", "NEON"}


@pytest.mark.parametrize("setting", ["int8", "fp32"])
def test_an_operator_decides_by_the_environment(
    default_pack: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("MANYEYES_RECOGNITION_PRECISION", setting)
    assert load(default_pack).embedder.precision == setting


def test_without_a_wish_the_processor_decides(default_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MANYEYES_RECOGNITION_PRECISION", raising=False)
    fast = bool(processor_features() & INT8_FEATURES)
    assert load(default_pack).embedder.precision == ("int8" if fast else "fp32")


def test_a_pack_without_whole_numbers_works_and_says_so_when_they_are_asked_for(
    default_pack: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(default_pack, tmp_path / "pack"))
    (folder / "embed-int8.onnx").unlink()
    assert load(folder, "auto").embedder.precision == "fp32"
    with pytest.raises(PackDamaged, match=r"embed-int8\.onnx"):
        load(folder, "int8")


@pytest.mark.parametrize("output", ["embedding", "embedding_int8"])
def test_the_self_test_covers_both_files_whichever_is_used(
    default_pack: Path, tmp_path: Path, output: str
) -> None:
    folder = Path(shutil.copytree(default_pack, tmp_path / "pack"))
    self_test(folder)
    path = folder / "pack.toml"
    first = path.read_text().split(f"{output} = [")[1].split(",")[0]
    path.write_text(path.read_text().replace(f"{output} = [{first}", f"{output} = [{float(first) + 0.02}"))
    with pytest.raises(PackDamaged, match=rf"self-test {output}\[0\]"):
        self_test(folder)


def test_warming_up_loads_the_font_too(default_pack: Path) -> None:
    fonts.package_fonts.cache_clear()
    labels.lay_out.cache_clear()
    draw._block.cache_clear()
    load(default_pack).warm_up()
    assert fonts.package_fonts.cache_info().currsize == 1
