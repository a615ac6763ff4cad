"""Crops of faces, small enough to store and good enough to embed again."""

from __future__ import annotations

import cv2
import numpy as np

from manyeyes.errors import DamagedPicture
from manyeyes.face_results import MAX_CROP_BYTES, PORTRAIT_SIDE_PX
from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.recognition.embedding.align import DLIB_CHIP, similarity

MARGIN = 1.25
"""The portrait's side, in sides of the aligned chip: some embedders use a larger area than dlib's."""
SMALL_QUALITY = 88
_SMALLEST_QUALITY = 70


def cut_portrait(image_hwc_u8: Bytes, landmarks_px: Floats) -> tuple[bytes, Floats]:
    """Cut a square around a face out of a picture, parallel to its edges; smaller at the picture's edge.

    Returns:
        A lossless WebP, at most 320 px on its longer side, and the landmarks (5, 2) in it.

    Raises:
        DamagedPicture: the face lies beyond the picture's edge.
    """
    part, points = _cut(image_hwc_u8, landmarks_px)
    return _encoded(part, ".webp", [cv2.IMWRITE_WEBP_QUALITY, 101]), points


def cut_small(image_hwc_u8: Bytes, landmarks_px: Floats) -> tuple[bytes, Floats]:
    """As `cut_portrait`, but as a JPEG: faster to encode, and a fraction of the bytes.

    Raises:
        DamagedPicture: the face lies beyond the picture's edge.
    """
    part, points = _cut(image_hwc_u8, landmarks_px)
    content = _encoded(part, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, SMALL_QUALITY])
    if len(content) > MAX_CROP_BYTES:
        content = _encoded(part, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, _SMALLEST_QUALITY])
    return content, points


def _cut(image_hwc_u8: Bytes, landmarks_px: Floats) -> tuple[Bytes, Floats]:
    matrix = similarity(landmarks_px)
    back = np.linalg.inv(np.vstack([matrix, [0.0, 0.0, 1.0]]))
    centre = back[:2] @ [DLIB_CHIP.side_px / 2, DLIB_CHIP.side_px / 2, 1.0]
    # the box around a turned chip is larger than the chip
    sine, cosine = abs(back[1, 0]), abs(back[0, 0])
    half_px = MARGIN * DLIB_CHIP.side_px * (sine + cosine) / 2
    height, width = image_hwc_u8.shape[:2]
    x1, y1 = (max(0, int(v)) for v in np.floor(centre - half_px))
    x2, y2 = (int(min(v, limit)) for v, limit in zip(np.ceil(centre + half_px), (width, height), strict=True))
    part = image_hwc_u8[y1:y2, x1:x2]
    points = np.asarray(landmarks_px, np.float64) - [x1, y1]
    if part.size and max(part.shape[:2]) > PORTRAIT_SIDE_PX:
        factor = PORTRAIT_SIDE_PX / max(part.shape[:2])
        size = (max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor)))
        scale = np.array(size) / [part.shape[1], part.shape[0]]
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        points = (points + 0.5) * scale - 0.5
    return part, points.astype(np.float32)


def _encoded(part: Bytes, kind: str, how: list[int]) -> bytes:
    done, encoded = cv2.imencode(kind, part, how) if part.size else (False, None)
    if not done or encoded is None:
        raise DamagedPicture("the face lies beyond the picture's edge; add a photo that shows it whole")
    return encoded.tobytes()


def open_portrait(data: bytes) -> Bytes:
    """Decode what `cut_portrait` encoded: uint8 (h, w, 3) BGR.

    Raises:
        DamagedPicture: `data` cannot be decoded.
    """
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_BGR)
    if image is None:
        raise DamagedPicture(
            f"the stored portrait of {len(data)} bytes cannot be read; enrol the photo again"
        )
    found: Bytes = image
    return found
