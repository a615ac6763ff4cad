from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.samples import REFUSED, SAMPLES, Sample, exif, face_rgb, heif, picture, saved

from manyeyes.errors import ManyeyesError, PictureError, UnsupportedFormat
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.pictures import formats
from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.pictures.encode import encode
from manyeyes.recognition.pictures.probe import probe
from manyeyes.recognition.recognizer import Recognizer, load

ROOT = Path(__file__).resolve().parents[4]
EACH = pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])


@pytest.fixture(scope="module")
def recognizer(default_pack: Path) -> Recognizer:
    return load(default_pack)


@pytest.fixture(scope="module")
def gallery(recognizer: Recognizer) -> Gallery:
    return Gallery(("Eileen",), recognizer.enrol(saved(picture(), "PNG")).embedding[None], version=1)


@EACH
def test_pixels_are_what_a_person_sees(sample: Sample) -> None:
    data = sample.make()
    info = probe(data, max_bytes=10**7, max_megapixels=1)
    assert (info.height_px, info.width_px) == sample.expected().shape[:2]
    assert info.format == sample.key and info.media_type == formats.BY_KEY[sample.key].media_type
    decoded = decode(data)
    difference = np.abs(decoded.image_hwc_u8[:, :, ::-1].astype(int) - sample.expected()).mean()
    assert difference <= sample.tolerance
    assert (decoded.alpha_hw_u8 is None) == (sample.alpha is None)
    if sample.alpha is not None:
        assert np.abs(decoded.alpha_hw_u8.astype(int) - sample.alpha()).mean() < 1


@EACH
def test_the_face_is_named_and_the_picture_comes_back_in_its_format(
    sample: Sample, recognizer: Recognizer, gallery: Gallery
) -> None:
    result, predicted = recognizer.recognize(sample.make(), gallery)
    if sample.named:
        assert [face.name for face in result.faces] == ["Eileen"]
    back = formats.predicted_format(sample.key, alpha=sample.alpha is not None)
    assert result.media_type == formats.BY_KEY[sample.key].media_type
    assert result.predicted_media_type == back.media_type
    assert predicted is not None
    again = decode(predicted)
    assert again.info.format == back.key and again.info.orientation == 1
    assert (again.info.height_px, again.info.width_px) == sample.expected().shape[:2]
    assert (again.alpha_hw_u8 is None) == (sample.alpha is None)


@pytest.mark.parametrize(("name", "code", "data", "told"), REFUSED, ids=[row[0] for row in REFUSED])
def test_everything_else_is_refused_by_its_name(name: str, code: str, data: bytes, told: str) -> None:
    with pytest.raises(PictureError) as seen:
        decode(data)
    assert seen.value.code == code and told in seen.value.detail


def test_every_format_has_a_sample_and_a_way_back() -> None:
    assert {sample.key for sample in SAMPLES} == set(formats.BY_KEY)
    for one in formats.FORMATS:
        assert formats.BY_KEY[one.predicted].key in ("jpeg", "png", "webp")


def test_a_huge_webp_comes_back_as_what_is_written_in_time() -> None:
    large = Image.new("RGB", (5000, 4001))
    back = encode(decode(saved(large, "WebP", method=0)))
    assert back.media_type == "image/jpeg" and decode(back.content).info.width_px == 5000
    assert formats.predicted_format("webp", alpha=True, pixels=20_000_001).key == "png"
    assert formats.predicted_format("webp", alpha=True, pixels=20_000_000).key == "webp"


def test_the_documentation_has_this_very_table() -> None:
    page = (ROOT / "docs" / "reference" / "pictures.md").read_text("utf-8")
    assert formats.as_markdown() in page


def test_heic_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    data = heif(picture())
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert probe(data, max_bytes=10**7, max_megapixels=1).width_px == 300
    with pytest.raises(UnsupportedFormat, match=r"package pillow-heif .* pip install 'manyeyes\[heic\]'"):
        decode(data)


@pytest.mark.parametrize("kind", ["AVIF", "HEIC", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_applied_once(kind: str, orientation: int) -> None:
    if kind == "TIFF":
        data = saved(picture(), "TIFF", tiffinfo={0x0112: orientation})
    elif kind == "AVIF":
        data = saved(picture(), "AVIF", quality=85, exif=exif(orientation))
    else:
        data = heif(picture(), exif=exif(orientation))
    expected = face_rgb()
    if orientation >= 5:
        expected = expected.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        expected = expected[:, ::-1]
    if orientation in (3, 4, 7, 8):
        expected = expected[::-1]
    decoded = decode(data)
    assert (decoded.info.height_px, decoded.info.width_px) == expected.shape[:2]
    assert np.abs(decoded.image_hwc_u8[:, :, ::-1].astype(int) - expected).mean() < 8


def test_what_lies_under_full_transparency_is_white() -> None:
    pixels = np.dstack([face_rgb(), np.zeros((260, 300), np.uint8)])
    decoded = decode(saved(Image.fromarray(pixels), "PNG"))
    assert (decoded.image_hwc_u8 == 255).all()
    assert decode(encode(decoded).content).alpha_hw_u8 is not None


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_a_file_cut_short_never_becomes_a_picture(sample: Sample) -> None:
    """But for what follows the first frame, and what follows the end."""
    data = sample.make()
    if "after its end" in sample.name:
        data = data[: -4 * 99]
    later = {
        "APNG": 0.51,
        "WebP animated": 0.51,
        "GIF animated": 0.5,
        "TIFF of two pages": 0.5,
        "BigTIFF": 0.9,
        "HEIC of two pictures": 0.4,
    }
    for part in (0.1, 0.3, 0.5, 0.8, 0.97):
        if part >= later.get(sample.name, 1):
            continue
        with pytest.raises(ManyeyesError) as seen:
            decode(data[: int(len(data) * part)])
        assert seen.value.code == "damaged-picture"
