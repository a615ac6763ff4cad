"""Builds a pack from an operator's own ONNX files: reads their kind from the files and checks it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from manyeyes.config import MEBIBYTE
from manyeyes.errors import BadRequest, FileTrouble, PackError
from manyeyes.local_files import MOST_PICTURE_BYTES, read_whole
from manyeyes.packs import build, examples, pins
from manyeyes.packs.examples import Example, Report
from manyeyes.packs.identify import DETECTOR_FILE, EMBEDDER_FILE, Feed, read_detector, read_embedder
from manyeyes.packs.manifest import MANIFEST_NAME, Manifest, PackFile, SelfTest, Weight, read
from manyeyes.packs.staging import staged, write
from manyeyes.packs.verify import EXAMPLES, self_test
from manyeyes.packs.weights import Progress
from manyeyes.recognition import recognizer, selfcheck
from manyeyes.recognition.detection.one_stage import MULTIPLE_PX
from manyeyes.recognition.embedding.arcface import SFACE_THRESHOLD
from manyeyes.recognition.matching.calibration import Calibration
from manyeyes.recognition.models.manifest_parts import EmbedderKind, Matching
from manyeyes.recognition.pictures.decode import decode

LARGEST_SIDE_PX = 4096
DISTANCES_TOLERANCE = 0.05
"""Tolerance of the examples' distances; a machine may choose another precision for the default embedder."""


@dataclass(frozen=True)
class PackOptions:
    """The operator's options; a detector or embedder without a file comes from the default pack."""

    name: str
    version: str = "1.0.0"
    detector: Path | None = None
    embedder: Path | None = None
    detector_kind: Literal["yunet", "scrfd"] | None = None
    embedder_kind: EmbedderKind | None = None
    detector_feed: Feed = field(default_factory=Feed)
    embedder_feed: Feed = field(default_factory=Feed)
    size_px: tuple[int, int] | None = None
    score: float | None = None
    threshold: float | None = None
    licence: str = "not stated"
    examples: Path | None = None
    include_examples: bool = False


@dataclass(frozen=True)
class Built:
    """The finished pack; `report` is None without examples; `threshold_from` names the threshold's source."""

    folder: Path
    manifest: Manifest
    report: Report | None
    threshold_from: str


@dataclass(frozen=True)
class _Piece:
    """A detector or embedder, its files (path in the pack, content, origin), an embedder's calibration."""

    part: Any
    files: tuple[tuple[str, bytes, Weight | None], ...]
    calibration: Calibration | None = None


def build_own(options: PackOptions, default: Path, target: Path, progress: Progress | None = None) -> Built:
    """Build the pack into the folder `target`, which must not exist yet.

    Args:
        default: the default pack's folder; a detector or embedder without a file comes from there.

    Raises:
        BadRequest: the options contradict each other, or no threshold is known.
        ModelRefused, FileTrouble, PackError: a file is not as expected; the message says what was seen.
        PictureError: an example to include cannot be decoded.
    """
    tell = progress or (lambda _what, _part: None)
    _check_options(options, target)
    pictures = examples.find(options.examples) if options.examples else []
    tell("reading the models", 0.1)
    detector, embedder = _detector(options, default), _embedder(options, default)
    with staged(target) as staging:
        manifest = _lay_out(staging, options, (detector, embedder))
        tell("measuring", 0.5)
        loaded = recognizer.load(staging)
        loaded.warm_up()
        report = examples.measure(loaded, pictures) if pictures else None
        threshold, said_by = _threshold(options, manifest, default, report)
        manifest = manifest.model_copy(update={"matching": Matching(threshold=threshold)})
        manifest = _with_examples(staging, manifest, pictures if options.include_examples else [])
        expected = selfcheck.numbers(loaded) | selfcheck.example_numbers(
            loaded,
            [staging.joinpath(f.path).read_bytes() for f in manifest.files if f.path.startswith(EXAMPLES)],
        )
        tested = manifest.self_test.model_copy(update={"expected": expected})
        manifest = manifest.model_copy(update={"self_test": tested})
        write(staging / MANIFEST_NAME, manifest.to_toml().encode())
        tell("running the self-test", 0.9)
        self_test(staging)
    return Built(target, manifest, report, said_by)


def _check_options(options: PackOptions, target: Path) -> None:
    if not options.detector and not options.embedder:
        raise BadRequest(
            "neither --detector FILE nor --embedder FILE is given; the default pack needs no --name"
        )
    if options.name == build.NAME:
        raise BadRequest(f"{build.NAME} is the default pack's name; choose another --name")
    if target.exists():
        raise PackError(
            f"{options.name}@{options.version} exists already ({target}); choose another --version: nodes tell "
            "packs apart by name and version"
        )
    if options.include_examples and not options.examples:
        raise BadRequest("--include-examples needs --examples FOLDER")
    for side in options.size_px or ():
        if not MULTIPLE_PX <= side <= LARGEST_SIDE_PX or side % MULTIPLE_PX:
            raise BadRequest(
                f"--size has a side of {side} px; multiples of {MULTIPLE_PX} up to {LARGEST_SIDE_PX} are possible"
            )


def _detector(options: PackOptions, default: Path) -> _Piece:
    if options.detector is None:
        return _default_piece(default, "detector")
    part, content = read_detector(
        options.detector,
        kind=options.detector_kind,
        feed=options.detector_feed,
        size_px=options.size_px,
        score=options.score,
    )
    return _own_piece(part, DETECTOR_FILE, content, options.detector, options.licence)


def _embedder(options: PackOptions, default: Path) -> _Piece:
    if options.embedder is None:
        return _default_piece(default, "embedder")
    part, content = read_embedder(options.embedder, kind=options.embedder_kind, feed=options.embedder_feed)
    return _own_piece(part, EMBEDDER_FILE, content, options.embedder, options.licence)


def _own_piece(part: Any, file: str, content: bytes, path: Path, licence: str) -> _Piece:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    origin = f"{path.name}, given by the operator"
    weight = Weight(file=file, origin=origin, licence=licence, source_sha256=digest)
    return _Piece(part, ((file, content, weight),))


def _default_piece(default: Path, which: Literal["detector", "embedder"]) -> _Piece:
    """The default pack's detector or embedder, with its files."""
    manifest = read(default)
    wanted = [file.path for file in manifest.files if file.path.startswith("embed") == (which == "embedder")]
    origins = {weight.file: weight for weight in manifest.weights}
    files = tuple((path, (default / path).read_bytes(), origins.get(path)) for path in wanted)
    return _Piece(getattr(manifest, which), files, manifest.calibration if which == "embedder" else None)


def _lay_out(staging: Path, options: PackOptions, pieces: tuple[_Piece, _Piece]) -> Manifest:
    files = [file for piece in pieces for file in piece.files]
    for path, content, _ in files:
        write(staging / path, content)
    size = sum(len(content) for _, content, _ in files)
    required = pins.closure(build.REQUIRED)
    manifest = Manifest(
        name=options.name,
        version=options.version,
        kind="faces",
        entry_point=build.ENTRY_POINT,
        requirements=required,
        hashes=pins.hashes_of(required),
        memory_mb=build.MEMORY_MB + 2 * size // MEBIBYTE,
        files=tuple(_pack_file(path, content) for path, content, _ in files),
        weights=tuple(weight for _, _, weight in files if weight),
        detector=pieces[0].part,
        embedder=pieces[1].part,
        calibration=pieces[1].calibration,
        self_test=SelfTest(
            tolerance=build.TOLERANCE,
            expected={},
            tolerances=build.TOLERANCES | {selfcheck.DISTANCES: DISTANCES_TOLERANCE},
        ),
    )
    write(staging / MANIFEST_NAME, manifest.to_toml().encode())
    return manifest


def _pack_file(path: str, content: bytes) -> PackFile:
    return PackFile(path=path, sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))


def _with_examples(staging: Path, manifest: Manifest, pictures: list[Example]) -> Manifest:
    """Copy the pictures into the pack under numbers, not names; an error if one cannot be read or decoded."""
    files = []
    for number, example in enumerate(pictures, start=1):
        try:
            content = read_whole(example.path, MOST_PICTURE_BYTES)
            decode(content)
        except OSError as error:
            raise FileTrouble(f"cannot read {example.path}: {error.strerror}") from error
        path = f"{EXAMPLES}{number:03d}"
        write(staging / path, content)
        files.append(_pack_file(path, content))
    return manifest.model_copy(update={"files": (*manifest.files, *files)})


def _threshold(
    options: PackOptions, manifest: Manifest, default: Path, report: Report | None
) -> tuple[float, str]:
    if options.threshold is not None:
        if manifest.embedder.unit_length and not 0 < options.threshold < 2:
            raise BadRequest(
                f"--threshold is {options.threshold}; embeddings of length 1 are between 0 and 2 apart"
            )
        return options.threshold, "--threshold"
    if options.embedder is None:
        return read(default).matching.threshold, "the default pack"
    suggestion = report.suggestion if report else None
    if suggestion:
        return suggestion.threshold, "the examples"
    if manifest.embedder.kind == "sface":
        return SFACE_THRESHOLD, "OpenCV's published value for SFace"
    seen = "no examples"
    if report is not None:
        seen = f"{len(report.genuine)} pairs of one person, {len(report.impostor)} of two"
        if report.genuine and report.impostor:
            seen += ", which no distance parts: is the embedder fed as it was trained?"
    raise BadRequest(
        f"no threshold is known for this embedder ({seen}): give --threshold DISTANCE, or --examples FOLDER with at "
        "least two people (a folder each, NAME/*.jpg) of two photos each"
    )
