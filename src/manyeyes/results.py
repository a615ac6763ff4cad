"""What a recogniser answers about one picture: value objects shared by every room."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["fp32", "int8"]
UNKNOWN = "unknown"
"""The word that is drawn at a face without a name; nobody may be called so."""
TOO_SMALL = "too small to name"
"""What is said of a face that is not compared with anybody."""
MOST_WARNINGS = 16
"""Of one picture."""


class TooSmall(BaseModel):
    """Why a face was not compared with anybody: it has fewer pixels than the embedder needs to tell people apart."""

    model_config = ConfigDict(frozen=True)

    size_px: int
    """The shorter side of the face's box."""
    least_px: int
    """From this size on a face is compared."""


class Face(BaseModel):
    """One face in the picture as a person sees it (EXIF orientation applied).

    `name` is None for a face that nobody enrolled is near enough to; `distance` is then that to the
    nearest person, or None with an empty gallery. A name that feedback took from such faces is passed
    over, and the next nearest person counts. What only resembles a face, a drawing for one, must be nearer
    than the threshold to get a name. With `too_small` the face was compared with nobody: it may be anybody.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    box_xyxy_px: tuple[int, int, int, int]
    """Left, top, right and bottom edge."""
    landmarks_px: tuple[tuple[float, float], ...]
    """Eyes, nose and corners of the mouth, as (x, y)."""
    score: float
    """The detector's own probability that this is a face, 0 to 1."""
    name: str | None
    """The nearest enrolled person, where near enough."""
    person_id: str | None = None
    """Whose name it is, whatever the person is called later: the id of the person, and a check of the master that gave
    it, as `12-TzXq0cCwZkVv`. `POST /v1/people-names` says the name of today."""
    distance: float | None
    """Euclidean distance of raw embeddings to the nearest enrolled photo."""
    threshold: float
    """Up to this distance a name is given."""
    confidence: float
    """How likely the nearest person is the right one, 0 to 1: from the distance, the size of the gallery,
    and even odds that the face is somebody enrolled. Where `Provenance.calibrated` is false it is only a
    falling curve through 0.5 at the threshold."""
    too_small: TooSmall | None = None
    """Of a face that is too small to name: `name` and `distance` are None, `confidence` is 0, `reference` is empty."""
    reference: str = ""
    """Names this very face in `people feedback`; sealed by the master that answered, which keeps nothing."""
    embedding: tuple[float, ...] = Field(default=(), exclude=True, repr=False)
    """Of the face, as its embedder gave it; stays inside the process and never stands in JSON."""


class Caution(BaseModel):
    """Something about a picture, an enrolled photo or a person that an operator should know."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    kind: str
    """As `small`, `blurred`, `turned`; stable, for programs."""
    value: float | None = None
    """What was seen, in the unit that `sentence` names."""
    limit: float | None = None
    """The limit that makes it a caution."""
    sentence: str
    """What was seen, against what is better; what to do."""
    photo: str = ""
    """The file's name as it was given."""
    photo_id: int | None = None
    """As 'people show' lists it; None while the photo is being added."""
    people: tuple[str, ...] = ()
    """Who is concerned, beside the photo's own person."""


class Provenance(BaseModel):
    """What computed a result, beside its pack: the same picture may differ in the last digits elsewhere."""

    model_config = ConfigDict(frozen=True)

    precision: Precision
    """Of the embedder's arithmetic, as the node's processor allows."""
    runtime: str
    """As `onnxruntime 1.30.0 CPU`."""
    calibrated: bool = False
    """Whether confidences are probabilities, from the calibration that the pack states."""


class Result(BaseModel):
    """The faces of one picture."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    width_px: int
    """As a person sees the picture."""
    height_px: int
    """As a person sees the picture."""
    media_type: str
    """Of the picture that was sent, told by its content."""
    predicted_media_type: str | None = None
    """Of the predicted picture; None without one. Docs: reference/pictures.md says which differ."""
    faces: tuple[Face, ...]
    """From left to right."""
    pack: str
    """Name and version of the pack that answered, as `faces@1.0.0`."""
    provenance: Provenance | None = None
    """What computed it."""
    timings_ms: dict[str, float]
    """How long each stage took on the node."""
    warnings: tuple[Caution, ...] = Field((), max_length=MOST_WARNINGS)
    """Faults of the file that do no harm: all its pixels are there."""
    task_id: str = ""
    """Names the picture's task in logs and lists."""
    trace_id: str = ""
    """Names the picture's trace in the logs: `manyeyes logs --trace ID`."""
