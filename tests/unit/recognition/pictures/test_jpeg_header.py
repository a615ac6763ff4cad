"""Headers of JPEG that are read by hand say what Pillow says, whatever was done to them; what is odd is left to it."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from PIL.JpegImagePlugin import JpegImageFile
from tests.samples import SAMPLES, Sample, exif, picture, saved

from manyeyes.recognition.pictures.headers import jpeg_header

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LONG_PROFILE = PROFILE + bytes(100_000)
PLAIN = [
    saved(picture(), "JPEG", quality=30, exif=exif(6), icc_profile=PROFILE, dpi=(72, 72)),
    saved(picture(), "JPEG", quality=30, icc_profile=LONG_PROFILE),
    saved(picture().convert("L"), "JPEG", quality=30, comment=b"a comment"),
    saved(picture().convert("CMYK"), "JPEG", quality=30, progressive=True),
]


def by_pillow(data: bytes) -> tuple[int, int, str, bytes, bytes]:
    with JpegImageFile(io.BytesIO(data)) as image:
        return (*image.size, image.mode, image.info.get("exif", b""), image.info.get("icc_profile") or b"")


def by_hand(data: bytes) -> tuple[int, int, str, bytes, bytes] | None:
    found = jpeg_header(data)
    if found is None:
        return None
    header, mode = found
    assert header.orientation == 1, "it stands in the EXIF block"
    return header.width_px, header.height_px, mode, header.exif, header.icc_profile


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


@pytest.mark.parametrize("data", PLAIN, ids=["EXIF and profile", "long profile", "grey", "CMYK"])
def test_ordinary_pictures(data: bytes) -> None:
    assert by_hand(data) == by_pillow(data)


@pytest.mark.parametrize(
    "sample", [one for one in SAMPLES if one.name.startswith("JPEG")], ids=lambda one: one.name
)
def test_every_kind_that_is_accepted(sample: Sample) -> None:
    data = sample.make()
    assert by_hand(data) == by_pillow(data)


def test_profiles_and_exif_in_pieces() -> None:
    rest = PLAIN[2][2:]
    pieces = [b"ICC_PROFILE\0" + bytes([number, 3]) + b"piece %d" % number for number in (3, 1, 2)]
    data = b"\xff\xd8" + b"".join(segment(0xE2, piece) for piece in pieces) + rest
    assert by_hand(data) == by_pillow(data)
    assert jpeg_header(data)[0].icc_profile == b"piece 1piece 2piece 3"  # type: ignore[index]
    lost = b"\xff\xd8" + b"".join(segment(0xE2, piece) for piece in pieces[1:]) + rest
    assert by_hand(lost) == by_pillow(lost)
    two = b"\xff\xd8" + segment(0xE1, b"Exif\0\0one") + segment(0xE1, b"Exif\0\0two") + rest
    assert by_hand(two) == by_pillow(two)


@pytest.mark.parametrize(
    "extra",
    [
        segment(0xE0, b"JFIF\0"),
        segment(0xEE, b"Adobe"),
        segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x03\xed\0"),
        segment(0xE2, b"ICC_PROFILE\0\1"),
        segment(0xDB, bytes(64)),
        b"\xff\xff",
        b"junk",
        segment(0xC8, b""),
    ],
)
def test_what_is_odd_is_left_to_pillow(extra: bytes) -> None:
    assert jpeg_header(b"\xff\xd8" + extra + PLAIN[0][2:]) is None


def test_cut_short_anywhere_in_its_header() -> None:
    data = PLAIN[0]
    end = data.index(b"\xff\xda")
    assert [cut for cut in range(end) if jpeg_header(data[:cut]) is not None] == []


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(
    which=st.integers(0, len(PLAIN) - 1),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3)), min_size=1, max_size=4),
)
def test_changed_headers(which: int, changes: list[tuple[float, bytes]]) -> None:
    data = bytearray(PLAIN[which])
    head = min(data.index(b"\xff\xda") + 20, 1500)
    for place, new in changes:
        at = int(place * head)
        data[at : at + len(new)] = new
    data[:3] = b"\xff\xd8\xff"
    found = by_hand(bytes(data))
    if found is not None:
        assert found == by_pillow(bytes(data))


def test_noise() -> None:
    random = np.random.default_rng(3)
    for _ in range(300):
        assert jpeg_header(b"\xff\xd8\xff\xe0" + random.bytes(int(random.integers(1, 3000)))) is None
    assert jpeg_header(b"\xff\xd8\xff") is None
    with Image.open(io.BytesIO(PLAIN[0])) as image:
        assert image.size == (300, 260)
