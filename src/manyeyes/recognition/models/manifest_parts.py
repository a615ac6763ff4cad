"""The parts of a pack's manifest for detector, embedder and matching, and the id of an embedder.

Embeddings are comparable only if the same embedder made them: `embedder_id` names it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from manyeyes.results import Precision

DetectorKind = Literal["mtcnn", "centerface", "yunet", "yunet-priors", "scrfd"]
EmbedderKind = Literal["dlib", "arcface", "sface"]
Channels = Literal["bgr", "rgb"]
InnerPath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$")
]
PerChannel = tuple[float, float, float]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DetectorPart(_Part):
    """`[detector]`: one file. A manifest without this part is older than faces@1.4.0 and means MTCNN, which is not run any more.

    `mean` and `std` are per channel in the order that the model takes (`channels`); `size_px` (width, height)
    is the largest canvas that a picture is shrunk to, or the only one that the file takes.
    """

    kind: DetectorKind = "mtcnn"
    file: InnerPath | None = None
    score: float = Field(default=0.5, gt=0, lt=1)
    """Faces with a lower score are left out."""
    overlap: float = Field(default=0.4, gt=0, le=1)
    """Of two boxes with more intersection over union, the worse one is left out."""
    size_px: tuple[int, int] = (640, 640)
    min_face_px: float = 20.0
    """On the canvas; smaller faces carry too little to be named."""
    mean: PerChannel = (0.0, 0.0, 0.0)
    std: PerChannel = (1.0, 1.0, 1.0)
    channels: Channels = "bgr"


class EmbedderPart(_Part):
    """`[embedder]`: the defaults are the default pack's, dlib's ResNet."""

    kind: EmbedderKind = "dlib"
    file: InnerPath = "embed.onnx"
    side_px: int = 150
    template: Literal["dlib", "arcface"] = "dlib"
    mean: PerChannel = (0.0, 0.0, 0.0)
    std: PerChannel = (1.0, 1.0, 1.0)
    channels: Channels = "bgr"
    dimensions: int = 128
    unit_length: bool = False
    """Whether embeddings are scaled to length 1: distances then lie between 0 and 2."""
    precision: Precision = "fp32"
    batch: int = Field(default=8, ge=1)
    """The most chips that the file takes at once."""


class Matching(_Part):
    """`[matching]`: the largest distance at which two faces are one person."""

    threshold: float = Field(default=0.58, gt=0)


_IDENTITY = ("kind", "side_px", "template", "mean", "std", "channels", "dimensions", "unit_length")


def embedder_id(part: EmbedderPart, weights_sha256: str) -> str:
    """The id of an embedder, as `dlib-0123456789abcdef`: a digest of its weights and its input settings.

    Args:
        weights_sha256: of the original weights. So another conversion of the same weights, a quantised
            variant, another detector in the pack or a new version of the pack do not change the id.
    """
    facts = {name: getattr(part, name) for name in _IDENTITY} | {"weights": weights_sha256}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return f"{part.kind}-{digest[:16]}"


def pack_embedder_id(
    part: EmbedderPart, label: str, files_sha256: Mapping[str, str], sources_sha256: Mapping[str, str]
) -> str:
    """As `embedder_id`, for a pack; `label` for a pack without the embedder's file.

    Such a pack has its own recogniser, and so its own gallery.

    Args:
        label: name and version of the pack, as `faces@1.0.0`.
        files_sha256: SHA-256 of the pack's files, by path.
        sources_sha256: SHA-256 of the original weights that a file is made from, by path of the file.
    """
    digest = {**files_sha256, **sources_sha256}.get(part.file)
    return embedder_id(part, digest) if digest else label


def file_in(folder: Path, file: str) -> Path:
    """A part's file in the pack's folder."""
    return folder.joinpath(*file.split("/"))
