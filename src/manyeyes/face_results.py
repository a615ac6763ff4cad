"""What the face pack sends beside its results: enrolments, faces cut out, limits. The wire knows nothing of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from manyeyes.results import Caution, Result

Operation = Literal["recognize", "enrol", "embed"]
"""Kinds of tasks. `embed`: a portrait kept from an enrolment, for another embedder."""
Points = tuple[tuple[float, float], ...]

EMBEDDINGS, UNKNOWN, THUMBNAIL = "embeddings", "unknown", "thumbnail"
"""Names of attachments: the faces' embeddings (float16, little-endian, in the result's order), the faces that got no
name (`UnknownFaces` as JSON), a small JPEG of the predicted picture."""
DECODE, DETECT, ALIGN, EMBED, MATCH, DRAW, ENCODE = RECOGNISER_STAGES = (
    "decode", "detect", "align", "embed", "match", "draw", "encode",
)  # fmt: skip
"""The stages of a result's `timings_ms`; metrics count any other one as `other`."""
GALLERY = "gallery"
"""The state that faces are compared with."""

MOST_UNKNOWN = 16
"""Faces without a name that are cut out of one picture, the largest ones."""
MAX_CROP_BYTES = 64 * 1024
MAX_THUMBNAIL_BYTES = 128 * 1024
PORTRAIT_SIDE_PX, THUMBNAIL_SIDE_PX = 320, 640
"""The longer side of a face that is cut out, and of a small copy of a picture, at most."""


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Enrolled(_Said):
    """What an enrolment photo gave; the portrait, cut from the photo, is attached as the predicted picture is."""

    embedding: tuple[float, ...]
    embedder: str = ""
    """The `embedder_id` that made it."""
    box_xyxy_px: tuple[int, int, int, int]
    warnings: tuple[Caution, ...] = ()
    portrait_landmarks_px: Points = ()


class UnknownFace(_Said):
    """A face that got no name, cut out for the master to keep."""

    face: int = Field(ge=0)
    """Its place among the result's faces."""
    jpeg: str = Field(max_length=MAX_CROP_BYTES * 4 // 3 + 4)
    """Base64."""
    landmarks_px: Points
    """Five, in the cut."""
    width_px: int
    """Its shorter side in the picture that was sent."""
    sharpness: float
    warnings: tuple[Caution, ...] = Field((), max_length=16)
    """As an enrolment would give them."""


class UnknownFaces(_Said):
    """All of one picture."""

    faces: tuple[UnknownFace, ...] = Field((), max_length=MOST_UNKNOWN)


@dataclass(frozen=True)
class FaceOutcome:
    """An attempt's end as a master reads it, checked: one of `result` and `enrolled`, and what is attached."""

    task_id: str
    result: Result | None = None
    result_json: bytes = b""
    """What `result` was read from."""
    enrolled: Enrolled | None = None
    picture: bytes = b""
    """The predicted picture, or the portrait."""
    embeddings: bytes = field(default=b"", repr=False)
    unknown: tuple[UnknownFace, ...] = ()
    thumbnail: bytes = field(default=b"", repr=False)
