from __future__ import annotations

import io

import pytest
from PIL import Image, ImageCms
from tests.samples import heif, picture, saved

from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.pictures.encode import encode

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LARGE = SRGB + bytes(200_000)


def carried(data: bytes) -> bytes | None:
    content = encode(decode(data)).content
    decode(content)
    return Image.open(io.BytesIO(content)).info.get("icc_profile")


@pytest.mark.parametrize("profile", [SRGB, LARGE])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "AVIF"])
def test_a_colour_profile_is_passed_on(kind: str, profile: bytes) -> None:
    assert carried(saved(picture(), kind, icc_profile=profile)) == profile


def test_of_heic_too() -> None:
    image = picture()
    image.info["icc_profile"] = SRGB
    assert carried(heif(image)) == SRGB


@pytest.mark.parametrize(
    "profile",
    [SRGB[:100], b"x" * 300, SRGB[:16] + b"CMYK" + SRGB[20:], SRGB + bytes(2_000_000)],
    ids=["cut short", "no profile", "for ink", "too large"],  # a profile holds the second it was made in
)
def test_a_profile_that_does_not_fit_is_left_out(profile: bytes) -> None:
    assert carried(saved(picture(), "PNG", icc_profile=profile)) is None
    assert carried(saved(picture(), "PNG")) is None
