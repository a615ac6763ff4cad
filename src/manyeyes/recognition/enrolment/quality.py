"""The quality of a photo for enrolment: size, sharpness, light, pose, and whether the frame cuts the face.

Sharpness and light are measured on the face scaled to one size, so they do not depend on the photo's size or
on the embedder. The limits come from 52 real faces that were degraded step by step: at each limit, faces of
the same person are missed clearly more often, or no face without degradation reaches it.
"""

from __future__ import annotations

from math import atan, atan2, degrees, hypot
from typing import NamedTuple

import cv2
import numpy as np

from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.recognition.embedding.align import DLIB_CHIP, cut_chip, similarity
from manyeyes.recognition.face_size import GOOD_PX, sides_px
from manyeyes.results import Caution

BLURRED = 3.0
"""A face of lower sharpness is blurred. A Gaussian blur of 2 px (of 150) or a motion blur of 9 px gives 0.4
to 3.1, a face without degradation 2.8 to 29. Such blur makes misses 3.5 to 5 times as frequent."""
DARK, BRIGHT, FLAT = 30.0, 215.0, 9.0
"""Of 255: lowest and highest mean of the face, and its lowest standard deviation."""
TURNED_DEGREES, NODDING_DEGREES, TILTED_DEGREES = 30.0, 25.0, 40.0
CUT_PART = 0.33
"""Of the area that the embedder uses, the largest part that may be beyond the picture's edge. Set on 40 tight
crops: the few crops above it are in most of the nearest pairs of strangers."""

_NOSE_DEPTH, _MOUTH_DEPTH = 0.5, 0.2
"""How far nose and mouth are in front of the eyes of a usual head, in distances between the eyes."""
_FACE_HEIGHT = 1.03
"""From eyes to mouth, in the same unit."""
_NOSE_AT_REST = 0.592
"""The nose's position between eyes (0) and mouth (1) of a level head."""


class Pose(NamedTuple):
    """Degrees: `yaw` to the image's right, `pitch` downwards, `roll` clockwise; rough, from five points."""

    yaw: float
    pitch: float
    roll: float


def assess(image_hwc_u8: Bytes, landmarks_px: Floats, box_xyxy_px: Floats) -> tuple[Caution, ...]:
    """The warnings about the quality of a face for enrolment; empty if there are none.

    Args:
        image_hwc_u8: the picture, (h, w, 3) BGR.
        landmarks_px: (5, 2).
        box_xyxy_px: (4,), as detected; it may reach past the picture.
    """
    return measure(image_hwc_u8, landmarks_px, box_xyxy_px)[1]


def measure(
    image_hwc_u8: Bytes, landmarks_px: Floats, box_xyxy_px: Floats
) -> tuple[float, tuple[Caution, ...]]:
    """The sharpness of a face, and the warnings that `assess` returns."""
    chip = cut_chip(image_hwc_u8, landmarks_px)
    face = cv2.cvtColor(chip, cv2.COLOR_BGR2GRAY)[25:135, 25:125]
    width_px = float(sides_px(np.asarray(box_xyxy_px)[None])[0])
    seen = sharpness(face)
    found = [
        _small(width_px),
        _blurred(seen),
        *_light(float(face.mean()), float(face.std())),
        *_turned(pose(landmarks_px)),
        _cut(hidden_part(image_hwc_u8.shape[:2], landmarks_px)),
    ]
    return seen, tuple(caution for caution in found if caution is not None)


def sharpness(face_hw_u8: Bytes) -> float:
    """Fine detail relative to coarse detail, in thousandths, of a grey face (110, 100) from a 150 px chip.

    It is the variance of the second difference along rows or along columns, the lower of both, so that motion
    blur in one direction shows. It is divided by the variance of the face, so that contrast does not matter.
    The face is smoothed slightly before, so that noise does not count as detail.
    """
    smooth = cv2.GaussianBlur(face_hw_u8.astype(np.float32), (0, 0), 0.8)
    weaker = min(float(np.diff(smooth, 2, axis=axis).var()) for axis in (0, 1))
    return 1000.0 * weaker / max(float(face_hw_u8.astype(np.float32).var()), 1.0)


def pose(landmarks_px: Floats) -> Pose:
    """How a head is turned, from image-left and -right eye, nose, left and right mouth corner (5, 2)."""
    left, right, nose, mouth_left, mouth_right = np.asarray(landmarks_px, np.float64)
    across = right - left
    between_px = max(hypot(*across), 1e-6)
    x_axis = across / between_px
    y_axis = np.array([-x_axis[1], x_axis[0]])
    middle = (left + right) / 2
    height_px = max(float(((mouth_left + mouth_right) / 2 - middle) @ y_axis), 1e-6)
    aside = float((nose - middle) @ x_axis) / between_px
    down = float((nose - middle) @ y_axis) / height_px
    nod = _FACE_HEIGHT * (down - _NOSE_AT_REST) / max(_NOSE_DEPTH - _MOUTH_DEPTH * down, 1e-6)
    return Pose(degrees(atan(aside / _NOSE_DEPTH)), degrees(atan(nod)), degrees(atan2(across[1], across[0])))


def hidden_part(size_hw: tuple[int, ...], landmarks_px: Floats) -> float:
    """The part, 0 to 1, of the aligned square around a face that lies beyond the picture of size (h, w)."""
    centres = np.arange(2.5, DLIB_CHIP.side_px, 5.0)
    grid = np.stack([*np.meshgrid(centres, centres), np.ones((len(centres),) * 2)], axis=-1).reshape(-1, 3)
    back = np.linalg.inv(np.vstack([similarity(landmarks_px), [0.0, 0.0, 1.0]]))
    points = (grid @ back.T)[:, :2]
    outside = (points < 0).any(axis=1) | (points > [size_hw[1], size_hw[0]]).any(axis=1)
    return float(outside.mean())


def _small(width_px: float) -> Caution | None:
    if width_px >= GOOD_PX:
        return None
    return Caution(
        kind="small",
        value=round(width_px),
        limit=GOOD_PX,
        sentence=f"the face is {width_px:.0f} px wide, {GOOD_PX} or more is better; "
        "take it from nearer, or add the original instead of a copy made smaller",
    )


def _blurred(value: float) -> Caution | None:
    if value >= BLURRED:
        return None
    return Caution(
        kind="blurred",
        value=round(value, 1),
        limit=BLURRED,
        sentence=f"the face is blurred (sharpness {value:.1f}, {BLURRED:.0f} or more is better); "
        "focus on the face and keep still, or add another photo",
    )


def _light(mean: float, spread: float) -> list[Caution | None]:
    found: list[Caution | None] = []
    if mean < DARK:
        said = f"the face is dark (brightness {mean:.0f} of 255, {DARK:.0f} or more is better); add light from the front"
        found.append(Caution(kind="dark", value=round(mean), limit=DARK, sentence=said))
    elif mean > BRIGHT:
        said = f"the face is overexposed (brightness {mean:.0f} of 255, {BRIGHT:.0f} or less is better); use less light"
        found.append(Caution(kind="bright", value=round(mean), limit=BRIGHT, sentence=said))
    elif spread < FLAT:
        said = f"the face has little contrast ({spread:.0f} of 255, {FLAT:.0f} or more is better); avoid haze and backlight"
        found.append(Caution(kind="flat", value=round(spread, 1), limit=FLAT, sentence=said))
    return found


def _turned(seen: Pose) -> list[Caution | None]:
    found: list[Caution | None] = []
    for kind, value, limit, how in (
        ("turned", seen.yaw, TURNED_DEGREES, "turned to the side"),
        ("nodding", seen.pitch, NODDING_DEGREES, "turned down" if seen.pitch > 0 else "turned up"),
        ("tilted", seen.roll, TILTED_DEGREES, "tilted"),
    ):
        if abs(value) > limit:
            sentence = (
                f"the face is {how} by about {abs(value):.0f}°, up to {limit:.0f}° is better; "
                "add a photo seen from the front"
            )
            found.append(Caution(kind=kind, value=round(value), limit=limit, sentence=sentence))
    return found


def _cut(part: float) -> Caution | None:
    if part <= CUT_PART:
        return None
    return Caution(
        kind="cut",
        value=round(part, 2),
        limit=CUT_PART,
        sentence=f"the frame cuts the face: {part:.0%} of what is compared lies outside, "
        f"{CUT_PART:.0%} or less is better; add a photo with some room around the head",
    )
