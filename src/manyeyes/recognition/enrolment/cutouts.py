"""Crops of the faces without a name, and a thumbnail, made in addition to a picture's result.

A worker makes them because it has the decoded pixels; a master starts no decoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2

from manyeyes.errors import DamagedPicture
from manyeyes.face_results import MAX_CROP_BYTES, MAX_THUMBNAIL_BYTES, MOST_UNKNOWN, THUMBNAIL_SIDE_PX
from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.detection.detections import Detections
from manyeyes.recognition.enrolment.portrait import cut_small
from manyeyes.recognition.enrolment.quality import measure
from manyeyes.recognition.extras import Cut
from manyeyes.recognition.face_size import KEPT_PX
from manyeyes.results import Face

LEAST_SHARPNESS = 1.5
"""Half of `quality.BLURRED`; below it, neither a person nor the embedder recognises much."""
_QUALITIES = (80, 60, 40)


def cut_unknown(image_hwc_u8: Bytes, found: Detections, faces: Sequence[Face]) -> tuple[Cut, ...]:
    """Crops of faces without a name, widest first: at most `MOST_UNKNOWN`, without those of low quality.

    Args:
        image_hwc_u8: the picture before anything is drawn, (h, w, 3) BGR.
        found: the detections in it.
        faces: the faces of the result, in the order of `found`.
    """
    unknown = [
        (_width_px(face), place)
        for place, face in enumerate(faces)
        if face.name is None and face.too_small is None
    ]
    wide = sorted(one for one in unknown if one[0] >= KEPT_PX)[::-1][:MOST_UNKNOWN]
    cuts = (_cut(image_hwc_u8, found, place, width_px) for width_px, place in wide)
    return tuple(cut for cut in cuts if cut is not None)


def thumbnail(image_hwc_u8: Bytes) -> bytes:
    """A JPEG of at most 640 px on its longer side and 128 KiB; empty if it cannot be made so small."""
    height, width = image_hwc_u8.shape[:2]
    factor = min(1.0, THUMBNAIL_SIDE_PX / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = image_hwc_u8
    if factor < 0.25:  # averaging all of a large picture costs as much as encoding it
        small = cv2.resize(small, (2 * size[0], 2 * size[1]), interpolation=cv2.INTER_NEAREST)
    if factor < 1.0:
        small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
    for quality in _QUALITIES:
        content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(content) <= MAX_THUMBNAIL_BYTES:
            return content
    return b""


def _width_px(face: Face) -> int:
    x1, y1, x2, y2 = face.box_xyxy_px
    return min(x2 - x1, y2 - y1)


def _cut(image: Bytes, found: Detections, place: int, width_px: int) -> Cut | None:
    landmarks_px = found.landmarks_px[place]
    seen, warnings = measure(image, landmarks_px, found.boxes_xyxy_px[place])
    if seen < LEAST_SHARPNESS or any(warning.kind == "cut" for warning in warnings):
        return None
    try:
        jpeg, points = cut_small(image, landmarks_px)
    except DamagedPicture:  # the face lies beyond the edge
        return None
    if len(jpeg) > MAX_CROP_BYTES:
        return None
    points_px = tuple((round(float(x), 2), round(float(y), 2)) for x, y in points)
    return Cut(place, jpeg, points_px, width_px, round(seen, 2), warnings)
