"""Pictures for the end-to-end tests; all made here."""

from __future__ import annotations

import struct
import zlib
from functools import cache
from pathlib import Path

from PIL import Image, ImageEnhance
from skimage import data


@cache
def astronaut() -> Image.Image:
    """One woman's face, 512x512; public domain (NASA)."""
    return Image.fromarray(data.astronaut())


def write_many(folder: Path, count: int, side_px: int = 320) -> None:
    """Write `count` small pictures of one face, all different."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        left, top = number % 40, (number // 40) % 10
        crop = astronaut().crop((left, top, left + 400, top + 400)).resize((side_px, side_px))
        picture = ImageEnhance.Brightness(crop).enhance(0.85 + number % 7 * 0.05)
        picture.save(folder / f"{number:04}.jpg", quality=85)


def write_huge_png(path: Path, width_px: int = 20_000, height_px: int = 10_000) -> None:
    """Write a black picture of 200 megapixels in a file of about 200 KB."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    row = bytes(width_px + 1)
    body = b"".join(packer.compress(row) for _ in range(height_px)) + packer.flush()
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 0, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    path.write_bytes(signature + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
