"""What a recogniser answers about one picture: value objects shared by every room."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Precision = Literal["fp32", "int8"]


class Face(BaseModel):
    """One face in the picture as a person sees it (EXIF orientation applied).

    `name` is None for a face that nobody enrolled is near enough to; `distance` is then that to the
    nearest person, or None with an empty gallery.
    """

    model_config = ConfigDict(frozen=True)

    box_xyxy_px: tuple[int, int, int, int]
    landmarks_px: tuple[tuple[float, float], ...]
    score: float
    """The detector's own probability that this is a face, 0 to 1."""
    name: str | None
    distance: float | None
    """Euclidean distance of raw embeddings to the nearest enrolled photo."""
    threshold: float
    confidence: float
    """0 to 1, from distance and threshold: 0.5 at the threshold."""


class Provenance(BaseModel):
    """What computed a result, beside its pack: the same picture may differ in the last digits elsewhere."""

    model_config = ConfigDict(frozen=True)

    precision: Precision
    """Of the embedder's arithmetic, as the node's processor allows."""
    runtime: str
    """As `onnxruntime 1.30.0 CPU`."""


class Result(BaseModel):
    """The faces of one picture."""

    model_config = ConfigDict(frozen=True)

    width_px: int
    height_px: int
    media_type: str
    """Of the picture that was sent, told by its content."""
    predicted_media_type: str | None = None
    """Of the predicted picture; None without one. Docs: reference/pictures.md says which differ."""
    faces: tuple[Face, ...]
    pack: str
    """Name and version of the pack that answered, as `faces@1.0.0`."""
    provenance: Provenance | None = None
    timings_ms: dict[str, float]
    task_id: str = ""
