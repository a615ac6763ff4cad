"""The pictures that the recogniser is measured on: made from public ones that pip brings, nothing committed."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from skimage import data

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "demo"))
from portraits import NoPortraits, portraits  # noqa: E402

__all__ = ["NoPortraits", "astronaut", "jpeg", "pictures", "six_faces"]

TILE_PX = (427, 443)
"""Three by two of these, less one column, are 1280×886 px."""
LARGE_PX = (4160, 2880)
"""The same six faces as a photo of 12 megapixels."""


def jpeg(image_bgr: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image_bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def astronaut() -> np.ndarray:
    """512×512, one face; BGR."""
    return np.ascontiguousarray(data.astronaut()[:, :, ::-1])


def six_faces() -> np.ndarray:
    """Six portraits side by side, 1280×886; BGR.

    Raises:
        portraits.NoPortraits: they cannot be fetched.
    """
    found = portraits()
    people = [cv2.imread(str(found[f"{name}.jpg"])) for name in ("obama", "biden", "obama2", "obama3")]
    people += [astronaut(), np.ascontiguousarray(astronaut()[:, ::-1])]
    tiles = []
    for person in people:
        height, width = person.shape[:2]
        side = min(height, width)
        part = person[: round(side * TILE_PX[1] / TILE_PX[0]), :side]
        tiles.append(cv2.resize(part, TILE_PX, interpolation=cv2.INTER_AREA))
    return np.ascontiguousarray(np.vstack([np.hstack(tiles[:3]), np.hstack(tiles[3:])])[:, :1280])


def pictures() -> dict[str, bytes]:
    """What is measured, by name: JPEG, quality 90."""
    six = six_faces()
    large = cv2.resize(six, LARGE_PX, interpolation=cv2.INTER_CUBIC)
    return {
        "512×512, 1 face": jpeg(astronaut()),
        "1280×886, 6 faces": jpeg(six),
        "12 MP, 6 faces": jpeg(large),
    }
