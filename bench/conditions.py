"""What happens to pictures on their way: turned, dark, blurred, small, cut; and pictures without people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from PIL import Image
from skimage import data

Pixels = Any
"""uint8 (h, w, 3) BGR."""
Box = tuple[float, float, float, float]
GREY = (127, 127, 127)


def png(image: Pixels) -> bytes:
    return bytes(cv2.imencode(".png", image)[1])


def jpeg(image: Pixels, quality: int) -> bytes:
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


@dataclass(frozen=True)
class Condition:
    """`apply` gets the picture and the box of its one face, and gives the encoded picture."""

    name: str
    apply: Callable[[Pixels, Box], bytes]


def _by_exif(image: Pixels, orientation: int) -> bytes:
    """The picture stored turned, with the EXIF tag that turns it back."""
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = Image.fromarray(image[:, :, ::-1]).transpose(back)
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = BytesIO()
    stored.save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def _turned(image: Pixels, degrees: float) -> Pixels:
    height, width = image.shape[:2]
    side = int(np.ceil(np.hypot(height, width)))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    matrix[:, 2] += ((side - width) / 2, (side - height) / 2)
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=GREY)


def _exposed(image: Pixels, factor: float, noise: float = 0.0) -> Pixels:
    lit = image * factor + np.random.default_rng(7).normal(0.0, noise, image.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)


def _face_of(image: Pixels, box: Box, face_px: int) -> Pixels:
    """The picture with its face so wide, in the middle of 320×320 grey."""
    scale = face_px / (box[2] - box[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)[:320, :320]
    canvas = np.full((320, 320, 3), GREY, np.uint8)
    top, left = (320 - small.shape[0]) // 2, (320 - small.shape[1]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas


def _cut(image: Pixels, box: Box, side: str, part: float) -> Pixels:
    """The picture's frame goes through the face: `part` of it is missing on one side."""
    x1, y1, x2, y2 = box
    limits = {
        "left": (slice(None), slice(max(0, round(x1 + part * (x2 - x1))), None)),
        "right": (slice(None), slice(0, round(x2 - part * (x2 - x1)))),
        "top": (slice(max(0, round(y1 + part * (y2 - y1))), None), slice(None)),
        "bottom": (slice(0, round(y2 - part * (y2 - y1))), slice(None)),
    }
    return np.ascontiguousarray(image[limits[side]])


def _covered(image: Pixels, box: Box, top: float, bottom: float) -> Pixels:
    x1, y1, x2, y2 = box
    covered = image.copy()
    height = y2 - y1
    first, last = (max(0, round(y1 + part * height)) for part in (top, bottom))
    covered[first:last, max(0, round(x1)) : round(x2)] = (30, 30, 30)
    return covered


def conditions() -> Iterator[Condition]:
    """All conditions, the untouched picture first."""
    yield Condition("as it is", lambda image, _: png(image))
    for orientation in range(2, 9):
        yield Condition(f"EXIF orientation {orientation}", lambda i, _, o=orientation: _by_exif(i, o))
    for degrees in (20, -20, 45):
        yield Condition(f"turned by {degrees}°", lambda i, _, d=degrees: png(_turned(i, d)))
    yield Condition("dark: a quarter of the light", lambda i, _: png(_exposed(i, 0.25, 2.0)))
    yield Condition("dark: a tenth of the light", lambda i, _: png(_exposed(i, 0.1, 2.0)))
    yield Condition("over-exposed twofold", lambda i, _: png(_exposed(i, 2.0)))
    yield Condition("grey", lambda i, _: png(cv2.cvtColor(i, cv2.COLOR_BGR2GRAY)))
    for part in (0.015, 0.03, 0.05):
        yield Condition(
            f"blurred, σ {part:.1%} of the face",
            lambda i, b, p=part: png(cv2.GaussianBlur(i, (0, 0), p * (b[2] - b[0]))),
        )
    for quality in (20, 10):
        yield Condition(f"JPEG quality {quality}", lambda i, _, q=quality: jpeg(i, q))
    for face_px in (48, 40, 32, 24):
        yield Condition(f"face {face_px} px wide", lambda i, b, f=face_px: png(_face_of(i, b, f)))
    for side in ("left", "top", "bottom"):
        yield Condition(f"a quarter cut off, {side}", lambda i, b, s=side: png(_cut(i, b, s, 0.25)))
    yield Condition("two fifths cut off, left", lambda i, b: png(_cut(i, b, "left", 0.4)))
    yield Condition("mouth and chin covered", lambda i, b: png(_covered(i, b, 0.65, 1.0)))
    yield Condition("eyes covered", lambda i, b: png(_covered(i, b, 0.25, 0.5)))


EMPTY = [
    "brick",
    "cat",
    "cell",
    "clock",
    "coffee",
    "coins",
    "colorwheel",
    "grass",
    "gravel",
    "horse",
    "hubble_deep_field",
    "immunohistochemistry",
    "moon",
    "page",
    "retina",
    "rocket",
    "text",
]
"""Of scikit-image's sample pictures, those without a person (the heads on the coins are metal)."""


def without_people() -> Iterator[tuple[str, bytes]]:
    """(name, encoded picture) of things, animals and textures."""
    for name in EMPTY:
        image = getattr(data, name)()
        if image.dtype == bool:
            image = image.astype(np.uint8) * 255
        image = np.asarray(image)
        image = (
            cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
            if image.ndim == 2
            else np.ascontiguousarray(image[:, :, 2::-1])
        )
        yield name, png(image)
    noise = np.random.default_rng(3).integers(0, 256, (480, 640, 3), np.uint8)
    yield "noise", png(noise)


def drawings() -> Iterator[tuple[str, bytes]]:
    """(name, encoded picture) of faces as children's books have them, drawn here."""
    rng = np.random.default_rng(11)
    for number in range(24):
        page = np.full((480, 480, 3), rng.integers(200, 256, 3), np.uint8)
        for _ in range(1 + number % 3):
            centre = rng.integers(130, 350, 2)
            _draw_head(page, (int(centre[0]), int(centre[1])), int(rng.integers(50, 120)), rng)
        painted = (page, _grained(page, rng), _in_water_colours(page, rng))
        for manner, picture in zip(("flat", "on grained paper", "in water colours"), painted, strict=True):
            yield f"{number + 1} {manner}", png(picture)


def _grained(page: Pixels, rng: np.random.Generator) -> Pixels:
    grain = cv2.GaussianBlur(rng.normal(0.0, 30.0, page.shape), (0, 0), 1.5)
    return np.clip(page + grain, 0, 255).astype(np.uint8)


def _in_water_colours(page: Pixels, rng: np.random.Generator) -> Pixels:
    blots = rng.normal(0.0, 25.0, (12, 12, 3)).astype(np.float32)
    wash = cv2.resize(blots, page.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return _grained(np.clip(cv2.GaussianBlur(page, (0, 0), 1.2) + wash, 0, 255).astype(np.uint8), rng)


def _draw_head(page: Pixels, centre: tuple[int, int], radius: int, rng: np.random.Generator) -> None:
    """A head in outlines and flat colours: skin, hair or ears, eyes, nose, mouth, cheeks."""
    x, y = centre
    skins = [(180, 205, 245), (120, 160, 215), (70, 105, 160), (160, 220, 250), (200, 200, 255)]
    skin = skins[int(rng.integers(len(skins)))]
    hair = tuple(int(v) for v in rng.integers(0, 160, 3))
    line = max(2, radius // 20)

    def at(dx: float, dy: float) -> tuple[int, int]:
        return round(x + dx * radius), round(y + dy * radius)

    kind = int(rng.integers(3))
    if kind == 0:  # hair
        cv2.ellipse(page, at(0, -0.25), (round(1.12 * radius), round(1.1 * radius)), 0, 0, 360, hair, -1)
    elif kind == 1:  # an animal's ears
        for side in (-1, 1):
            cv2.circle(page, at(0.75 * side, -0.85), round(0.4 * radius), skin, -1, cv2.LINE_AA)
            cv2.circle(page, at(0.75 * side, -0.85), round(0.4 * radius), (20, 20, 20), line, cv2.LINE_AA)
    cv2.ellipse(page, at(0, 0), (round(0.9 * radius), radius), 0, 0, 360, skin, -1, cv2.LINE_AA)
    cv2.ellipse(page, at(0, 0), (round(0.9 * radius), radius), 0, 0, 360, (20, 20, 20), line, cv2.LINE_AA)
    if kind == 0:
        cv2.ellipse(page, at(0, -0.75), (round(0.8 * radius), round(0.35 * radius)), 0, 180, 360, hair, -1)
    for side in (-1, 1):
        cv2.ellipse(
            page,
            at(0.35 * side, -0.15),
            (round(0.16 * radius), round(0.2 * radius)),
            0,
            0,
            360,
            (255,) * 3,
            -1,
        )
        cv2.circle(page, at(0.35 * side, -0.12), round(0.09 * radius), (30, 30, 30), -1, cv2.LINE_AA)
        cv2.ellipse(
            page, at(0.35 * side, -0.42), (round(0.2 * radius), round(0.08 * radius)), 0, 190, 350, hair, line
        )
        cv2.circle(page, at(0.5 * side, 0.25), round(0.13 * radius), (150, 150, 245), -1, cv2.LINE_AA)
    cv2.ellipse(
        page,
        at(0, 0.12),
        (round(0.09 * radius), round(0.14 * radius)),
        0,
        20,
        200,
        (40, 60, 90),
        line,
        cv2.LINE_AA,
    )
    mouth = (round(0.35 * radius), round(0.22 * radius))
    cv2.ellipse(page, at(0, 0.42), mouth, 0, 10, 170, (50, 40, 190), 2 * line, cv2.LINE_AA)
