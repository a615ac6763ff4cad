"""`manyeyes packs` in this process, on made models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import onnx
import pytest
from tests import made_models
from typer.testing import CliRunner, Result

from manyeyes.cli.packs import app
from manyeyes.errors import BadRequest
from manyeyes.packs import manifest
from manyeyes.packs.embedders import DEFAULT_EMBEDDER


@pytest.fixture
def data(tmp_path: Path, default_pack: Path) -> Path:
    found = manifest.read(default_pack)
    shutil.copytree(default_pack, tmp_path / "data" / "packs" / found.name / found.version)
    onnx.save(made_models.scrfd(), tmp_path / "scrfd.onnx")
    onnx.save(made_models.arcface(256), tmp_path / "arcface.onnx")
    return tmp_path / "data"


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data", str(data)], catch_exceptions=True)


def build(data: Path, *arguments: str) -> Result:
    models = ["--detector", str(data.parent / "scrfd.onnx"), "--embedder", str(data.parent / "arcface.onnx")]
    return run(data, "build", "--name", "ours", *models, *arguments)


def test_flags_arrive_in_the_pack_and_the_pack_can_be_used(data: Path) -> None:
    fed = [
        "--mean",
        "127.5",
        "--std",
        "128,127,126",
        "--bgr",
        "--detector-mean",
        "104,117,123",
        "--detector-bgr",
    ]
    done = build(data, "--threshold", "1.1", "--size", "320x256", "--score", "0.6", *fed, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["pack"], told["threshold"], told["threshold_from"]) == ("ours@1.0.0", 1.1, "--threshold")
    shown = json.loads(run(data, "show", "ours", "--json").stdout)
    assert shown["embedder"]["mean"] == [127.5] * 3 and shown["embedder"]["std"] == [128, 127, 126]
    assert (shown["embedder"]["channels"], shown["embedder"]["dimensions"]) == ("bgr", 256)
    assert shown["detector"]["mean"] == [104, 117, 123] and shown["detector"]["std"] == [128] * 3
    assert (shown["detector"]["channels"], shown["detector"]["size_px"], shown["detector"]["score"]) == (
        "bgr",
        [320, 256],
        0.6,
    )
    assert run(data, "use", "ours").exit_code == 0
    packs = {pack["name"]: pack for pack in json.loads(run(data, "list", "--json").stdout)["packs"]}
    assert packs["ours"]["in_use"] and not packs["faces"]["in_use"]
    assert packs["faces"]["embedder"] == DEFAULT_EMBEDDER != packs["ours"]["embedder"] == told["embedder"]
    assert "ours@1.0.0 (in use)" in run(data, "show", "ours").stdout
    assert run(data, "use", "faces").exit_code == 0 and "faces" in run(data, "list").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--detector-kind", "centerface"],
            "--detector-kind is centerface; yunet and scrfd are known (centerface is in the default",
        ),
        (["--embedder-kind", "dlib"], "--embedder-kind is dlib; arcface and sface are known"),
        (["--mean", "1,2"], "--mean is '1,2'; one number or three with commas"),
        (["--detector-std", "0"], "--detector-std is 0; pixels are divided by it"),
        (["--size", "big"], "--size is 'big'; WIDTHxHEIGHT"),
        (["--version", "../1"], "'../1' is not a name or version"),
    ],
)
def test_flags_that_make_no_sense(data: Path, arguments: list[str], said: str) -> None:
    ended = build(data, *arguments)
    assert isinstance(ended.exception, BadRequest) and said in ended.exception.detail


def test_models_want_a_name(data: Path) -> None:
    ended = run(data, "build", "--detector", str(data.parent / "scrfd.onnx"))
    assert isinstance(ended.exception, BadRequest) and "needs a --name" in ended.exception.detail


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--python", "3.12"], "--python says what --wheels are for; add --wheels"),
        (["--wheels", "--python", "12"], "--python is '12'; a version as 3.12 is possible"),
    ],
)
def test_wheels_are_for_python_versions(tmp_path: Path, flags: list[str], told: str) -> None:
    tried = run(tmp_path, "build", *flags)
    assert isinstance(tried.exception, BadRequest) and told in tried.exception.detail


def test_show_says_where_the_requirements_come_from(data: Path) -> None:
    shown = run(data, "show", "faces").stdout
    assert "from the package index; any Python from 3.11 on" in shown
