"""The pictures whose way over the wire is measured; made here from public ones, nothing committed."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image, ImageDraw

from bench_pictures import astronaut, jpeg, six_faces

CROWD_FACES = 20
_FACE_PX = 300
_SCREEN_PX = (1920, 1080)
_WORDS = "Faces found, persons named, boxes drawn: pictures go in over HTTPS, predicted pictures come back. "


def _saved(image_bgr: np.ndarray, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image_bgr[:, :, ::-1])).save(out, kind, **options)
    return out.getvalue()


def crowd() -> np.ndarray:
    """Twenty faces in four rows, 1500×1200; BGR."""
    six = six_faces()
    height, width = six.shape[0] // 2, six.shape[1] // 3
    tiles = [six[y : y + height, x : x + width] for y in (0, height) for x in (0, width, 2 * width)]
    faces = [cv2.resize(tiles[n % 6], (_FACE_PX, _FACE_PX)) for n in range(CROWD_FACES)]
    faces = [face[:, ::-1] if n % 2 else face for n, face in enumerate(faces)]
    return np.ascontiguousarray(np.vstack([np.hstack(faces[at : at + 5]) for at in range(0, CROWD_FACES, 5)]))


def screen() -> np.ndarray:
    """A page of text with panels and one photo, as a screenshot has them, 1920×1080; BGR."""
    page = Image.new("RGB", _SCREEN_PX, (250, 250, 248))
    pen = ImageDraw.Draw(page)
    pen.rectangle((0, 0, _SCREEN_PX[0], 64), fill=(36, 52, 71))
    pen.rectangle((0, 64, 320, _SCREEN_PX[1]), fill=(233, 236, 239))
    for number, top in enumerate(range(90, _SCREEN_PX[1] - 20, 20)):
        pen.text((24, top), _WORDS[number % 40 :][:40], fill=(60, 60, 70))
        if top > 560 or number % 7:
            pen.text((350, top), (_WORDS * 3)[number % 50 :][:230], fill=(20, 20, 20))
    page.paste(Image.fromarray(astronaut()[:, :, ::-1]).resize((440, 440)), (1440, 100))
    return np.ascontiguousarray(np.asarray(page)[:, :, ::-1])


def pictures() -> dict[str, tuple[str, bytes]]:
    """What is sent: what it is -> (suffix, encoded picture).

    Raises:
        portraits.NoPortraits: they cannot be fetched.
    """
    six = six_faces()
    large = cv2.resize(six, (4160, 2880), interpolation=cv2.INTER_CUBIC)
    return {
        "JPEG 512×512, 1 face": (".jpg", jpeg(astronaut())),
        "JPEG 1280×886, 6 faces": (".jpg", jpeg(six)),
        "JPEG 1500×1200, 20 faces": (".jpg", jpeg(crowd())),
        "JPEG 12 megapixels, 6 faces": (".jpg", jpeg(large)),
        "PNG photo 1280×886, 6 faces": (".png", _saved(six, "PNG")),
        "PNG screenshot 1920×1080, 1 face": (".png", _saved(screen(), "PNG", optimize=True)),
        "BMP 512×512, 1 face": (".bmp", _saved(astronaut(), "BMP")),
        "AVIF 1280×886, 6 faces": (".avif", _saved(six, "AVIF", quality=75)),
    }
