"""What a master can request in addition to a result: types only, for workers without OpenCV."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.results import Caution


@dataclass(frozen=True)
class WantedExtras:
    """Which extras a master requests: crops of the faces without a name, a thumbnail."""

    unknown: bool = False
    thumbnail: bool = False


@dataclass(frozen=True)
class Cut:
    """The crop of a face without a name.

    `face` is its index in the result's faces; `landmarks_px` (5, 2) are px of the crop; `width_px` is the
    shorter side of its box in the picture.
    """

    face: int
    jpeg: bytes
    landmarks_px: tuple[tuple[float, float], ...]
    width_px: int
    sharpness: float
    warnings: tuple[Caution, ...]


@dataclass(frozen=True)
class Extras:
    """The requested extras; empty if not requested, or if the picture gives none."""

    unknown: tuple[Cut, ...] = ()
    thumbnail: bytes = b""
