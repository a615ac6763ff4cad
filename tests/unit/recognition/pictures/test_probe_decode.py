from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from manyeyes.errors import (
    DamagedPicture,
    EmptyPicture,
    NotAPicture,
    TooManyBytes,
    TooManyPixels,
    UnsupportedFormat,
)
from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.pictures.draw import UNKNOWN_BGR, draw
from manyeyes.recognition.pictures.encode import encode
from manyeyes.recognition.pictures.formats import ACCEPTED
from manyeyes.recognition.pictures.memory_shortage import shortage_named
from manyeyes.recognition.pictures.probe import PictureInfo, exif_orientation, probe
from manyeyes.results import Face


def picture(
    kind: str = "JPEG", size: tuple[int, int] = (80, 60), mode: str = "RGB", **options: object
) -> bytes:
    """A picture whose top left quarter is red, the rest a gradient."""
    columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    pixels = np.stack([columns % 256, rows % 256, (columns + rows) % 256], axis=2).astype(np.uint8)
    pixels[: size[1] // 2, : size[0] // 2] = (255, 0, 0)
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, kind, **options)
    return out.getvalue()


def look(data: bytes, max_bytes: int = 10**8, max_megapixels: float = 100) -> PictureInfo:
    return probe(data, max_bytes=max_bytes, max_megapixels=max_megapixels)


def turned(kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return picture(kind, exif=exif.tobytes())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
def test_the_header_gives_size_and_type(kind: str) -> None:
    info = look(picture(kind))
    assert (info.width_px, info.height_px) == (80, 60)
    assert info.media_type == f"image/{kind.lower()}" and info.format == kind.lower()


def test_a_huge_picture_is_refused_from_its_header_alone() -> None:
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    end = b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + end
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(
            TooManyPixels, match=r"1600\.0 megapixels, the limit is 100;.*limits\.max_megapixels"
        ):
            look(bomb)


def test_limits_name_seen_and_allowed() -> None:
    with pytest.raises(TooManyBytes, match=r"picture has 0\.0 MB, the limit is 0\.0001"):
        look(picture(), max_bytes=100)
    with pytest.raises(EmptyPicture, match="0 bytes"):
        look(b"")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"hello, this is my holiday picture", "this is text \\('hello"),
        ("größe".encode() * 1000, "this is text"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"PK\3\4....", "a zip archive"),
        (b"\x00\x01\x02\xff\xfe\xfd\xfc\xfb", "first bytes are 00 01 02 ff"),
    ],
)
def test_other_files_are_named(data: bytes, found: str) -> None:
    with pytest.raises(NotAPicture, match=found):
        look(data)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (picture("JPEG2000"), "JPEG 2000"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    ],
)
def test_other_pictures_are_named_with_what_is_accepted(data: bytes, found: str) -> None:
    with pytest.raises(UnsupportedFormat, match=f"picture is {found}; {ACCEPTED}"):
        look(data)


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"])
def test_a_header_cut_short_is_damage(data: bytes) -> None:
    with pytest.raises(DamagedPicture):
        look(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9, 0.98])
def test_a_picture_cut_short_is_never_decoded_grey(kind: str, kept: float) -> None:
    whole = picture(kind, (300, 200))
    with pytest.raises(DamagedPicture):
        decode(whole[: int(len(whole) * kept)])


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"quality": 30}])
def test_whole_jpegs_of_every_make_pass(options: dict[str, object]) -> None:
    data = picture("JPEG", (301, 203), **options)
    assert decode(data).image_hwc_u8.shape == (203, 301, 3)
    assert decode(data + b"trailing bytes of a phone").image_hwc_u8.shape == (203, 301, 3)
    with pytest.raises(DamagedPicture, match="cut short"):
        decode(data[:-3])


def test_a_thumbnail_inside_does_not_hide_the_cut() -> None:
    exif = Image.Exif()
    exif[0x010E] = "x"
    data = picture("JPEG", (300, 200), exif=b"Exif\0\0" + exif.tobytes()[6:] + picture("JPEG", (20, 20)))
    decode(data)
    with pytest.raises(DamagedPicture, match="cut short"):
        decode(data[: len(data) // 2])


def test_a_flipped_byte_in_a_png_is_found_by_its_check_sum() -> None:
    data = bytearray(picture("PNG"))
    data[len(data) // 2] ^= 0x55
    with pytest.raises(DamagedPicture):
        decode(bytes(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(kind: str, orientation: int) -> None:
    data = turned(kind, orientation)
    decoded = decode(data)
    info = look(data)
    size = (60, 80) if orientation >= 5 else (80, 60)
    assert (info.width_px, info.height_px) == size == decoded.image_hwc_u8.shape[1::-1]
    quarter = {1: "tl", 2: "tr", 3: "br", 4: "bl", 5: "tl", 6: "tr", 7: "br", 8: "bl"}[orientation]
    y = 8 if "t" in quarter else size[1] - 8
    x = 8 if "l" in quarter else size[0] - 8
    blue, green, red = (int(v) for v in decoded.image_hwc_u8[y, x])
    assert red > 220 and green < 40 and blue < 40
    again = decode(encode(decoded).content)
    assert again.image_hwc_u8.shape == decoded.image_hwc_u8.shape and again.info.orientation == 1


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("1", "L", "LA", "P", "RGBA", "I;16")),
        *(("JPEG", mode) for mode in ("L", "CMYK")),
        ("WebP", "RGBA"),
    ],
)
def test_every_colour_mode_becomes_bgr(kind: str, mode: str) -> None:
    if mode == "I;16":
        out = io.BytesIO()
        Image.fromarray(np.full((60, 80), 40_000, np.uint16)).save(out, "PNG")
        data = out.getvalue()
    else:
        data = picture(kind, mode=mode)
    image = decode(data).image_hwc_u8
    assert image.shape == (60, 80, 3) and image.dtype == np.uint8


def test_alpha_survives_and_what_is_drawn_shows() -> None:
    pixels = np.zeros((40, 50, 4), np.uint8)
    pixels[:, :25, 3] = 200
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    decoded = decode(out.getvalue())
    face = Face(
        box_xyxy_px=(30, 10, 40, 20),
        landmarks_px=(),
        score=1,
        name=None,
        distance=None,
        threshold=0.58,
        confidence=0,
    )
    draw(decoded.image_hwc_u8, [face], decoded.alpha_hw_u8)
    again = decode(encode(decoded).content)
    assert again.alpha_hw_u8 is not None
    assert again.alpha_hw_u8[39, 0] == 200 and again.alpha_hw_u8[39, 49] == 0
    assert (again.alpha_hw_u8[10:20, 30] == 255).all() and again.alpha_hw_u8[15, 35] == 0
    drawn = (again.image_hwc_u8 == UNKNOWN_BGR).all(axis=2)
    assert drawn.any() and (again.alpha_hw_u8[drawn] == 255).all()


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_is_read_in_both_byte_orders(order: str) -> None:
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IHHHIHH", 8, 1, 0x0112, 3, 1, 6, 0)
    assert exif_orientation(head) == exif_orientation(b"Exif\0\0" + head) == 6
    for cut in range(len(head) - 2):
        assert exif_orientation(head[:cut]) == 1
    assert exif_orientation(head.replace(struct.pack(order + "H", 6), struct.pack(order + "H", 9))) == 1


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_damage_in_the_middle_of_a_jpeg_is_never_shown_grey(options: dict[str, object]) -> None:
    """A hole or zeros in the coded pixels, all markers whole: the end is where it was and the decoder warns."""
    noise = np.random.default_rng(3).integers(0, 255, (200, 300, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "JPEG", **options)
    data = out.getvalue()
    middle = len(data) // 2
    for changed in (
        data[:middle] + data[middle + 2000 :],
        data[:middle] + bytes(3000) + data[middle + 3000 :],
        data[:middle] + b"\xff\xd9",
    ):
        with pytest.raises(DamagedPicture):
            decode(changed)


@pytest.mark.parametrize("padding", [3, 4, 5, 64])
def test_padding_before_the_end_and_an_odd_revision_are_no_damage(padding: int) -> None:
    data = picture("JPEG", (300, 200))
    same = decode(data).image_hwc_u8
    padded = data[:-2] + bytes(padding) + data[-2:]
    assert np.array_equal(decode(padded).image_hwc_u8, same)
    odd = data[:11] + b"\x04" + data[12:]
    assert data[6:11] == b"JFIF\0" and np.array_equal(decode(odd).image_hwc_u8, same)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(5760, 3000), (6001, 4003), (11521, 1920)])
def test_a_large_jpeg_may_be_shrunk_on_the_way(size: tuple[int, int]) -> None:
    data = picture("JPEG", size)
    small = decode(data, least_long_side_px=2880)
    factor = min(max(size), 3 * min(size)) // 2880
    assert small.shrink == factor and (small.info.width_px, small.info.height_px) == size
    assert small.image_hwc_u8.shape == (-(-size[1] // factor), -(-size[0] // factor), 3)
    whole = decode(data)
    assert whole.shrink == 1 and whole.image_hwc_u8.shape == (size[1], size[0], 3)


def test_too_little_memory_is_an_answer() -> None:
    for shortage in (MemoryError(), RuntimeError("std::bad_alloc"), OSError("Out of memory")):
        with pytest.raises(TooManyPixels, match="20×10 px needs more memory"), shortage_named(20, 10):
            raise shortage
    with pytest.raises(KeyError), shortage_named(1, 1):
        raise KeyError("another matter")


def test_long_texts_and_a_late_exif_do_no_harm() -> None:
    data = turned("PNG", 6)
    at = data.index(b"eXIf") - 4
    length = 12 + int.from_bytes(data[at : at + 4], "big")
    text = b"zTXtworkflow\0\0" + zlib.compress(bytes(3_000_000))
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    late = data[:33] + chunk + data[33:at] + data[at + length : -12] + data[at : at + length] + data[-12:]
    assert look(late).orientation == 6
    assert np.array_equal(decode(late).image_hwc_u8, decode(data).image_hwc_u8)
