"""Builds the default pack, `faces`, from the weights of `weights.py`."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from manyeyes.errors import PackError
from manyeyes.packs import weights
from manyeyes.packs.manifest import MANIFEST_NAME, Manifest, PackFile, SelfTest, Weight
from manyeyes.packs.weights import Progress
from manyeyes.recognition.calibration import Calibration

NAME, VERSION = "faces", "1.0.0"
ENTRY_POINT = "manyeyes.recognition.recognizer:load"
REQUIRED = ("numpy", "onnxruntime", "opencv-python-headless", "pillow", "pydantic")
MEMORY_MB = 350
TOLERANCE = 1e-3
LEFTOVER_AGE_S = 3600.0
CALIBRATION = Calibration(
    impostor_mean=0.83,
    impostor_sd=0.088,
    tail_from=0.6,
    genuine_mean=0.435,
    genuine_sd=0.078,
    photos_exponent=0.9,
    shown_to_rate=1e-3,
    basis="2184 comparisons of strangers and 168 of one person, 49 photos of 13 people, with a margin",
)
"""From `bench/open_set.py --fit`, taken to the careful side of what other draws of people give."""
SOURCES = {
    "pnet.onnx": weights.PNET,
    "rnet.onnx": weights.RNET,
    "onet.onnx": weights.ONET,
    "embed.onnx": weights.RESNET,
}


def build_default(target: Path, *, progress: Progress | None = None) -> Path:
    """Build the default pack into the folder `target`, replacing what is there; returns it.

    Everything is made in a folder beside it and renamed at the end: a kill leaves no half pack.

    Raises:
        WeightsRefused, PackError: the weights cannot be had, or the folder cannot be written.
    """
    tell = progress or (lambda _what, _part: None)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(target)
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-building-"))
    except OSError as error:
        raise PackError(f"{target.parent} cannot be written: {error}; choose another data folder") from error
    try:
        _fill(staging, tell)
        _put_in_place(staging, target)
    except OSError as error:
        raise PackError(f"the pack cannot be written to {target}: {error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    tell("pack ready", 1.0)
    return target


def _fill(staging: Path, tell: Progress) -> None:
    files, origins = [], []
    for step, (name, source) in enumerate(SOURCES.items()):
        done = round(0.05 + 0.2 * step, 2)
        tell(f"fetching {Path(source.member).name}", done)
        data = weights.obtain(source, _at(done, tell))
        tell(f"building {name}", round(done + 0.1, 2))
        model = _convert(name, data)
        _write(staging / name, model)
        files.append(PackFile(path=name, sha256=hashlib.sha256(model).hexdigest(), size_bytes=len(model)))
        origins.append(
            Weight(
                file=name,
                origin=f"{source.member} of {source.archive.origin}",
                licence=source.archive.licence,
                source_sha256=source.sha256,
            )
        )
    manifest = Manifest(
        name=NAME,
        version=VERSION,
        kind="faces",
        entry_point=ENTRY_POINT,
        requirements=tuple(f"{name}=={metadata.version(name)}" for name in REQUIRED),
        memory_mb=MEMORY_MB,
        files=tuple(files),
        weights=tuple(origins),
        self_test=SelfTest(tolerance=TOLERANCE, expected={}),
        calibration=CALIBRATION,
    )
    _write(staging / MANIFEST_NAME, manifest.to_toml().encode())
    tell("measuring the self-test", 0.95)
    measured = SelfTest(tolerance=TOLERANCE, expected=_numbers(staging))
    _write(staging / MANIFEST_NAME, manifest.model_copy(update={"self_test": measured}).to_toml().encode())


def _at(part: float, tell: Progress) -> Progress:
    """Tell at this part of the whole, whatever part of its own work the caller names."""
    return lambda what, _part: tell(what, part)


def _convert(name: str, data: bytes) -> bytes:
    # imported here: onnx and joblib are needed where packs are built, and nowhere else
    from manyeyes.packs import dlib_resnet, mtcnn_onnx

    if name == "embed.onnx":
        model = dlib_resnet.to_onnx(dlib_resnet.parse(data))
    else:
        import joblib

        # joblib runs pickle: `data` has passed its SHA-256 in weights.obtain
        arrays: list[Any] = joblib.load(io.BytesIO(data))
        builders = {"pnet": mtcnn_onnx.pnet, "rnet": mtcnn_onnx.rnet, "onet": mtcnn_onnx.onet}
        model = builders[name.removesuffix(".onnx")](arrays)
    return bytes(model.SerializeToString(deterministic=True))


def _numbers(folder: Path) -> dict[str, list[float]]:
    from manyeyes.recognition import recognizer, selfcheck

    return selfcheck.numbers(recognizer.load(folder))


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _clear_leftovers(target: Path) -> None:
    """Remove what killed builds left; a build that is still running is younger than the limit."""
    for leftover in target.parent.glob(f".{target.name}-building-*"):
        if time.time() - leftover.stat().st_mtime > LEFTOVER_AGE_S:
            shutil.rmtree(leftover, ignore_errors=True)


def _put_in_place(staging: Path, target: Path) -> None:
    staging.chmod(0o755)
    if target.exists():
        old = staging.with_name(staging.name + "-old")
        target.rename(old)
        staging.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.rename(target)
