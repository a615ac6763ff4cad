"""Checks the small pictures that nodes cut out, before a master stores or shows them. Nothing in them is trusted.

Only headers are read; no decoder is started.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from math import isfinite

import numpy as np

from manyeyes.errors import ManyeyesError
from manyeyes.face_results import (
    MAX_CROP_BYTES,
    MAX_THUMBNAIL_BYTES,
    PORTRAIT_SIDE_PX,
    THUMBNAIL_SIDE_PX,
    FaceOutcome,
    UnknownFace,
)
from manyeyes.recognition.arrays import Floats, from_half_precision
from manyeyes.recognition.pictures.probe import PictureInfo, read_header
from manyeyes.results import Result
from manyeyes.telemetry import log

MAX_PORTRAIT_BYTES = 512 * 1024
"""A lossless WebP of 320×320 px of noise has 310 KB."""
_PORTRAITS = ("image/webp", "image/jpeg")


@dataclass(frozen=True)
class FaceCrop:
    """An unknown face that may be kept; embedding float32 (d,)."""

    said: UnknownFace
    jpeg: bytes
    sha256: str
    embedding: Floats


def face_crops(outcome: FaceOutcome, numbers: int) -> list[FaceCrop]:
    """The valid unknown faces of an outcome; the others are logged and left out.

    Args:
        numbers: how many an embedding has here; 0 if that is not known.
    """
    result = outcome.result
    if result is None or not outcome.unknown:
        return []
    found: dict[int, FaceCrop] = {}
    try:
        embeddings = from_half_precision(outcome.embeddings, len(result.faces))
        if embeddings.shape[1] == 0 or numbers not in (0, embeddings.shape[1]):
            raise ValueError(f"embeddings have {embeddings.shape[1]} numbers, {numbers or 'some'} are needed")
        for said in outcome.unknown:
            found[said.face] = _face_crop(said, result, embeddings)
    except ValueError as error:
        log().warning("a node's unknown faces cannot be used", task=outcome.task_id, error=str(error)[:200])
    return list(found.values())


def thumbnail_of(outcome: FaceOutcome) -> bytes:
    """The thumbnail, empty if there is none or none to be shown."""
    if not outcome.thumbnail:
        return b""
    try:
        return _jpeg(outcome.thumbnail, MAX_THUMBNAIL_BYTES, THUMBNAIL_SIDE_PX)[0]
    except ValueError as error:
        log().warning("a node's thumbnail cannot be shown", task=outcome.task_id, error=str(error)[:200])
        return b""


def portrait_of(picture: bytes, file_name: str) -> bytes:
    """The portrait that a node cut out of an enrolled photo, empty if there is none or none to be shown."""
    if not picture:
        return b""
    try:
        info = _small(picture, MAX_PORTRAIT_BYTES, PORTRAIT_SIDE_PX)
        if info.media_type not in _PORTRAITS:
            raise ValueError(f"it is {info.media_type}")
    except ValueError as error:
        log().warning("a node's portrait cannot be kept", file=file_name, error=str(error)[:200])
        return b""
    return picture


def _face_crop(said: UnknownFace, result: Result, embeddings: Floats) -> FaceCrop:
    if said.face >= len(result.faces) or result.faces[said.face].name is not None:
        raise ValueError(f"face {said.face} of {len(result.faces)} is none without a name")
    if result.faces[said.face].too_small:
        raise ValueError(f"face {said.face} is too small to name")
    content = base64.b64decode(said.jpeg, validate=True)
    jpeg, info = _jpeg(content, MAX_CROP_BYTES, PORTRAIT_SIDE_PX)
    points = np.array(said.landmarks_px, np.float64)
    side = max(info.width_px, info.height_px)
    if points.shape != (5, 2) or not (np.isfinite(points) & (points > -side) & (points < 2 * side)).all():
        raise ValueError(f"face {said.face} has no five landmarks in its cut")
    if not (0 < said.width_px <= min(result.width_px, result.height_px) and 0 <= said.sharpness < 1e6):
        raise ValueError(f"face {said.face} is {said.width_px} px wide, its sharpness {said.sharpness}")
    embedding = embeddings[said.face]
    if not np.isfinite(embedding).all() or not isfinite(float(np.linalg.norm(embedding))):
        raise ValueError(f"the embedding of face {said.face} is not finite")
    return FaceCrop(said, jpeg, hashlib.sha256(jpeg).hexdigest(), embedding)


def _jpeg(content: bytes, most_bytes: int, most_px: int) -> tuple[bytes, PictureInfo]:
    info = _small(content, most_bytes, most_px)
    if info.media_type != "image/jpeg":
        raise ValueError(f"it is {info.media_type}, not image/jpeg")
    return content, info


def _small(content: bytes, most_bytes: int, most_px: int) -> PictureInfo:
    if len(content) > most_bytes:
        raise ValueError(f"it has {len(content)} bytes, the limit is {most_bytes}")
    try:
        info = read_header(content)
    except ManyeyesError as error:
        raise ValueError(error.detail) from error
    if max(info.width_px, info.height_px) > most_px:
        raise ValueError(f"it is {info.width_px}×{info.height_px} px, the limit is {most_px}")
    return info
