"""Opens the detector and the embedder that a pack's manifest names, in the precision for this machine."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyeyes.config import RecognitionSettings
from manyeyes.errors import PackDamaged
from manyeyes.recognition.detection.centerface import CenterFace
from manyeyes.recognition.detection.detections import FaceDetector
from manyeyes.recognition.detection.scrfd import open_scrfd
from manyeyes.recognition.detection.yunet import open_yunet
from manyeyes.recognition.embedding.arcface import ArcFaceEmbedder
from manyeyes.recognition.embedding.dlib_resnet import Embedder
from manyeyes.recognition.embedding.face_embedder import FaceEmbedder
from manyeyes.recognition.embedding.precision import PrecisionSetting, choose, processor_features
from manyeyes.recognition.matching.calibration import Calibration
from manyeyes.recognition.models.manifest_parts import DetectorPart, EmbedderPart, file_in, pack_embedder_id


@dataclass(frozen=True)
class Parts:
    """The opened parts of a face recogniser."""

    pack: str
    """Name and version, as `faces@1.0.0`."""
    detector: FaceDetector
    embedder: FaceEmbedder
    embedder_id: str
    """The id of the embedder; a gallery of another embedder is refused."""
    calibration: Calibration | None = None


def open_parts(folder: Path, precision: PrecisionSetting | None = None) -> Parts:
    """Open the models in a pack's folder.

    Args:
        precision: of the default pack's networks; None: the setting `MANYEYES_RECOGNITION_PRECISION`.

    Raises:
        PackDamaged: a file is missing or cannot be read. Digests are checked by `manyeyes.packs.verify`.
    """
    where = folder / "pack.toml"
    try:
        manifest: dict[str, Any] = tomllib.loads(where.read_text("utf-8"))
        pack = f"{manifest['name']}@{manifest['version']}"
        detector = DetectorPart.model_validate(manifest.get("detector", {}))
        embedder = EmbedderPart.model_validate(manifest.get("embedder", {}))
        figures = manifest.get("calibration")
        calibration = None if figures is None else Calibration.model_validate(figures)
    except (OSError, KeyError, ValueError) as error:
        raise PackDamaged(f"{where} cannot be read: {error}; build or fetch the pack again") from error
    files = {entry["path"]: entry["sha256"] for entry in manifest.get("files", [])}
    sources = {entry["file"]: entry["source_sha256"] for entry in manifest.get("weights", [])}
    setting = precision or RecognitionSettings().precision
    return Parts(
        pack,
        _open_detector(folder, detector, pack, setting),
        _open_embedder(folder, embedder, setting),
        pack_embedder_id(embedder, pack, files, sources),
        calibration,
    )


def _open_detector(folder: Path, part: DetectorPart, pack: str, setting: PrecisionSetting) -> FaceDetector:
    if part.kind == "mtcnn":
        raise PackDamaged(
            f"{pack} finds faces with MTCNN, which manyeyes no longer runs; "
            "build it again: 'manyeyes packs build'"
        )
    if part.kind == "centerface":
        return CenterFace(folder, choose(setting, processor_features(), CenterFace.offered(folder)))
    model = file_in(folder, part.file or f"{part.kind}.onnx")
    return open_scrfd(model, part) if part.kind == "scrfd" else open_yunet(model, part)


def _open_embedder(folder: Path, part: EmbedderPart, setting: PrecisionSetting) -> FaceEmbedder:
    if part.kind != "dlib":
        return ArcFaceEmbedder(file_in(folder, part.file), part)
    return Embedder(folder, choose(setting, processor_features(), Embedder.offered(folder)))
