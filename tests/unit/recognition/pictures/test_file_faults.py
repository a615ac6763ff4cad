"""PNG, GIF and WebP with faults beside their pixels are pictures with a note; with faults in them they are none."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from tests.samples import other_rgb, picture, saved

from manyeyes.errors import DamagedPicture
from manyeyes.recognition.pictures.decode import Picture, decode
from manyeyes.recognition.pictures.probe import read_header

PNG = saved(picture(), "PNG")
PALETTE = saved(picture().convert("P"), "PNG", transparency=3)
DEEP = saved(Image.fromarray(np.full((60, 80), 40_000, np.uint16)), "PNG")
SECOND = [Image.fromarray(other_rgb())]
APNG = saved(picture(), "PNG", save_all=True, append_images=SECOND)
GIF, GIFS = saved(picture(), "GIF"), saved(picture(), "GIF", save_all=True, append_images=SECOND)
WEBP = saved(picture(), "WebP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0" + bytes(40))
WEBPS = saved(picture(), "WebP", save_all=True, append_images=SECOND)
END_BYTES = 12


def chunk(kind: bytes, body: bytes, wrong: int = 0) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) ^ wrong)


def noted(data: bytes, whole: bytes) -> list[str]:
    """The kinds of what was noticed about a file, whose pixels must be those of the whole one."""
    found, expected = decode(data), decode(whole)
    assert expected.cautions == () and np.array_equal(found.image_hwc_u8, expected.image_hwc_u8)
    assert all(one.sentence.isprintable() and "b'" not in one.sentence for one in found.cautions)
    return [one.kind for one in found.cautions]


def refusal(data: bytes) -> str:
    with pytest.raises(DamagedPicture) as refused:
        found: Picture = decode(data)
        print(found.cautions)
    return refused.value.detail


@pytest.mark.parametrize("whole", [PNG, PALETTE, DEEP], ids=["colour", "palette", "16 bit"])
def test_a_png_with_a_wrong_check_sum_beside_its_pixels(whole: bytes) -> None:
    for kind, expected in ((b"tEXt", "check-sum"), (b"tIME", "check-sum"), (b"iCCP", "colour-profile")):
        body = b"name\0\0" + zlib.compress(b"content")
        assert noted(whole[:33] + chunk(kind, body, 1) + whole[33:], whole) == [expected]
    assert noted(whole[:-1] + b"\0", whole) == ["check-sum"]
    several = chunk(b"tEXt", b"a\0b", 1) * 40 + chunk(b"zTXt", b"a\0\0b", 1)
    assert noted(whole[:33] + several + whole[33:], whole) == ["check-sum"] * 2


@pytest.mark.parametrize("whole", [PNG, PALETTE, DEEP], ids=["colour", "palette", "16 bit"])
def test_a_png_without_its_end(whole: bytes) -> None:
    for rest in (
        b"",
        whole[-END_BYTES:-1],
        whole[-END_BYTES:-5],
        b"\0\0",
        b"junk" * 20,
        chunk(b"tEXt", b"a\0b")[:-3],
    ):
        assert noted(whole[:-END_BYTES] + rest, whole) == ["no-end-marker"]


def test_of_a_png_the_pixels_the_palette_and_the_transparency_must_be_whole() -> None:
    at = PALETTE.index(b"IDAT")
    for end in (*range(at - 4, len(PALETTE) - END_BYTES, 997), len(PALETTE) - END_BYTES - 5):
        assert "cut short" in refusal(PALETTE[:end])
    for kind in (b"IDAT", b"PLTE", b"tRNS"):
        place = PALETTE.index(kind)
        changed = PALETTE[: place + 5] + bytes([PALETTE[place + 5] ^ 1]) + PALETTE[place + 6 :]
        assert f"chunk {kind.decode()} at byte {place - 4} fails its check sum" in refusal(changed)
        renamed = PALETTE[:place] + kind.swapcase() + PALETTE[place + 4 :]
        assert f"chunk {kind.swapcase().decode()} at byte" in refusal(renamed), (
            "its name may be what is damaged"
        )
    assert "chunk 00 ff 0a 0d at byte 33" in refusal(PNG[:33] + chunk(b"\0\xff\n\r", b"", 1) + PNG[33:])


def test_what_a_short_png_packs_is_unpacked_to_the_size_of_the_picture_only() -> None:
    bomb = zlib.compress(bytes(50_000_000))
    data = PNG[:33] + chunk(b"IDAT", bomb[:-4])
    assert "cut short" in refusal(data)


def test_an_orientation_and_a_profile_whose_check_sums_fail_do_not_count() -> None:
    exif = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    turned = PNG[:33] + chunk(b"eXIf", exif) + PNG[33:]
    assert read_header(turned).orientation == 6
    damaged = PNG[:33] + chunk(b"eXIf", exif, 1) + PNG[33:]
    assert read_header(damaged).orientation == 1
    assert noted(damaged, PNG) == ["check-sum"]
    assert "may not be upright" in decode(damaged).cautions[0].sentence


@pytest.mark.parametrize("whole", [APNG, GIFS, WEBPS], ids=["APNG", "GIF", "WebP"])
def test_an_animation_cut_behind_its_first_picture(whole: bytes) -> None:
    for part in (0.8, 0.97):
        assert noted(whole[: int(len(whole) * part)], whole) == ["animation-cut"]
    for part in (0.2, 0.4):
        assert "cut short" in refusal(whole[: int(len(whole) * part)])


def test_a_damaged_frame_of_an_apng() -> None:
    at = APNG.rindex(b"fdAT") + 99
    assert noted(APNG[:at] + bytes([APNG[at] ^ 1]) + APNG[at + 1 :], APNG) == ["animation-cut"]


def test_a_gif_without_its_trailer() -> None:
    assert noted(GIF[:-1], GIF) == noted(GIFS[:-1], GIFS) == noted(GIF[:-2], GIF) == ["no-end-marker"]
    assert noted(GIF[:-1] + bytes(9) + b";", GIF) == noted(GIF + b"behind the end", GIF) == []


def test_a_webp_that_ends_in_what_follows_its_picture() -> None:
    at = WEBP.rindex(b"EXIF")
    for end in (at, at + 3, at + 20):
        assert noted(WEBP[:end], WEBP) == ["no-end-marker"]
    assert "cut short" in refusal(WEBP[: at - 9])


@pytest.mark.parametrize("kind", ["AVIF", "PNG"])
def test_a_header_that_makes_no_sense_is_told_without_pythons_words(kind: str) -> None:
    data = saved(picture(), kind)
    for at in range(8, 200, 3):
        try:
            read_header(data[:at] + b"\xff\0\xff" + data[at + 3 :])
        except DamagedPicture as refused:
            assert not any(word in refused.detail for word in ("b'", "buffer", "index out", "unpack"))
