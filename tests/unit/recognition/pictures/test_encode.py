"""Predicted PNGs: lossless whatever they show, and small where much of them is flat."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests.samples import face_rgb, saved

from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.pictures.encode import encode


def page() -> Bytes:
    sheet = Image.new("RGB", (800, 600), "white")
    pen = ImageDraw.Draw(sheet)
    for top in range(10, 590, 16):
        pen.text(
            (20 + top % 9, top),
            f"line {top}: pictures go in, predicted pictures come back " * 3,
            fill="black",
        )
    return np.asarray(sheet)


def lines(width: int, height: int) -> Bytes:
    return np.arange(width * height * 3, dtype=np.uint64).reshape(height, width, 3).astype(np.uint8)


@pytest.mark.parametrize(
    "pixels", [page(), face_rgb(), lines(1, 40), lines(40, 1), lines(1, 1)], ids=lambda p: str(p.shape)
)
def test_a_png_comes_back_pixel_by_pixel(pixels: Bytes) -> None:
    again = decode(encode(decode(saved(Image.fromarray(pixels), "PNG"))).content)
    assert np.array_equal(again.image_hwc_u8[:, :, ::-1], pixels)


def test_a_page_of_text_stays_small() -> None:
    original = saved(Image.fromarray(page()), "PNG", optimize=True)
    assert len(encode(decode(original)).content) < 2 * len(original)
