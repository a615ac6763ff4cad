"""What a master may ask for beside a result; only the types, for workers without OpenCV."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.results import Caution


@dataclass(frozen=True)
class WantedExtras:
    """What is asked for."""

    unknown: bool = False
    thumbnail: bool = False


@dataclass(frozen=True)
class Cut:
    """A face without a name, cut out of its picture.

    `face` is its place among the result's faces, `landmarks_px` (5, 2) lie in the cut, `width_px` is the
    shorter side of its box in the picture that was sent.
    """

    face: int
    jpeg: bytes
    landmarks_px: tuple[tuple[float, float], ...]
    width_px: int
    sharpness: float
    warnings: tuple[Caution, ...]


@dataclass(frozen=True)
class Extras:
    """What was asked for, as far as there is any."""

    unknown: tuple[Cut, ...] = ()
    thumbnail: bytes = b""
