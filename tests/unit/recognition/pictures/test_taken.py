"""When a picture was taken."""

from __future__ import annotations

import io
from datetime import datetime

import pytest
from PIL import Image

from manyeyes.recognition.pictures.taken import taken_at

WHEN = datetime(2026, 5, 1, 12, 0, 3, 250_000)


def picture(form: str, taken: str | None = "2026:05:01 12:00:03", subseconds: str | None = "25") -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    if taken is not None:
        exif.get_ifd(0x8769)[0x9003] = taken
    if subseconds is not None:
        exif.get_ifd(0x8769)[0x9291] = subseconds
    file = io.BytesIO()
    Image.effect_noise((300, 300), 90).convert("RGB").save(file, form, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_the_camera_says_it(form: str) -> None:
    assert taken_at(picture(form)) == WHEN


def test_of_a_phone() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    image = Image.new("RGB", (64, 64))
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0x9003: "2026:05:01 12:00:03", 0x9291: "250"})
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, exif=exif.tobytes())
    assert taken_at(file.getvalue()) == WHEN


@pytest.mark.parametrize(
    ("taken", "subseconds", "expected"),
    [
        ("2026:05:01 12:00:03", None, WHEN.replace(microsecond=0)),
        ("2026:05:01 12:00:03", "x", WHEN.replace(microsecond=0)),
        ("2026:05:01 12:00:03", "0070", WHEN.replace(microsecond=7000)),
        ("0000:00:00 00:00:00", "25", None),
        ("    :  :     :  :  ", None, None),
        (None, "25", None),
        (None, None, None),
    ],
)
def test_what_cameras_leave_out(taken: str | None, subseconds: str | None, expected: datetime | None) -> None:
    assert taken_at(picture("JPEG", taken, subseconds)) == expected


def test_a_damaged_note_is_no_note() -> None:
    whole = picture("JPEG")
    start = whole.index(b"Exif\0\0")
    for at in range(start, start + 150):
        broken = bytearray(whole)
        broken[at] ^= 0xFF
        taken_at(bytes(broken))
    assert taken_at(whole[: start + 30]) is None
    assert taken_at(b"") is None
