"""JPEGs with faults that do not concern their pixels, and such whose pixels are missing or wrong."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import ImageCms

from manyeyes.errors import DamagedPicture
from manyeyes.faces.outcome_reader import _check
from manyeyes.recognition.pictures.decode import Picture, decode
from manyeyes.recognition.pictures.jpeg import Meaning, after_warning
from manyeyes.recognition.pictures.jpeg_structure import tidied
from manyeyes.results import MOST_WARNINGS, Caution, Result
from tests.samples import picture, saved

END = b"\xff\xd9"
Change = Callable[[bytes], bytes]


def jpeg(**options: object) -> bytes:
    return saved(picture(), "JPEG", quality=90, **options)


def header_end(data: bytes) -> int:
    """The end of the first segment."""
    return 4 + struct.unpack(">H", data[4:6])[0]


def scan_start(data: bytes) -> int:
    at = data.index(b"\xff\xda")
    return at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]


def in_header(junk: bytes) -> Change:
    return lambda data: data[: header_end(data)] + junk + data[header_end(data) :]


def before_end(junk: bytes) -> Change:
    return lambda data: data[:-2] + junk + END


def before_restarts(junk: bytes) -> Change:
    def change(data: bytes) -> bytes:
        at = scan_start(data)
        return data[:at] + re.sub(rb"(\xff[\xd0-\xd7])", lambda found: junk + found[1], data[at:])

    return change


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
HALF = len(PROFILE) // 2


def profile(*parts: tuple[int, int, bytes]) -> Change:
    def segment(number: int, count: int, part: bytes) -> bytes:
        return (
            b"\xff\xe2" + struct.pack(">H", len(part) + 16) + b"ICC_PROFILE\0" + bytes((number, count)) + part
        )

    return lambda data: data[:2] + b"".join(segment(*part) for part in parts) + data[2:]


def adobe(*transforms: int) -> Change:
    segments = b"".join(b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([one]) for one in transforms)
    return lambda data: data[:2] + segments + data[header_end(data) :]


def scan_header(data: bytes) -> bytes:
    return data[: scan_start(data) - 3] + b"\0\0\0" + data[scan_start(data) :]


def segment(marker: int, body: bytes) -> Change:
    return lambda data: data[:2] + bytes((0xFF, marker, 0, len(body) + 2)) + body + data[2:]


FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + random.Random(7).randbytes(500)
HARMLESS: dict[str, tuple[dict[str, object], Change, str]] = {
    "bytes in the header": ({}, in_header(b"\0" * 18), "extra-bytes"),
    "text in the header": ({}, in_header(b"hello"), "extra-bytes"),
    "bytes before the end": ({}, before_end(b"\x12\x34\x56" * 6), "extra-bytes"),
    "zeros before the end": ({}, before_end(bytes(300)), "extra-bytes"),
    "filling, progressive": ({"progressive": True}, before_end(b"\x55" * 40), "extra-bytes"),
    "filling before restart markers": ({"restart_marker_rows": 1}, before_restarts(b"\x5a" * 3), "extra-bytes"),
    "zeros before restart markers": ({"restart_marker_rows": 1}, before_restarts(bytes(9)), "extra-bytes"),
    "noise before restart markers": ({"restart_marker_rows": 1}, before_restarts(b"\x91\x27\xc4\x08\x6a"), "extra-bytes"),
    "second half of a profile": ({}, profile((2, 2, PROFILE[HALF:])), "colour-profile"),
    "profile with a wrong count": ({}, profile((1, 3, PROFILE[:HALF]), (2, 3, PROFILE[HALF:])), "colour-profile"),
    "profile twice": ({}, profile((1, 1, PROFILE), (1, 1, PROFILE)), "colour-profile"),
    "profile counted from 0": ({}, profile((0, 1, PROFILE)), "colour-profile"),
    "colour transform 9": ({}, adobe(9), "colour-transform"),
    "start marker twice": ({}, lambda data: data[:2] + data, "start-marker-twice"),
    "scan header of a progressive one": ({}, scan_header, "scan-header"),
    "version 9": ({}, lambda data: data[:11] + b"\x09" + data[12:], "version"),
    "no end marker": ({}, lambda data: data[:-2], "no-end-marker"),
    "no end marker, progressive": ({"progressive": True}, lambda data: data[:-2], "no-end-marker"),
    "half an end marker": ({}, lambda data: data[:-1], "no-end-marker"),
    "half an end marker and zeros": ({}, lambda data: data[:-1] + bytes(100), "no-end-marker"),
    "half an end marker and zeros, progressive": ({"progressive": True}, lambda data: data[:-1] + bytes(100), "no-end-marker"),
    "much filling": ({}, before_end(b"\x55" * 20_000), "extra-bytes"),
    "a JPEG in place of the end marker": ({}, lambda data: data[:-2] + data, "no-end-marker"),
    "a JPEG in place of the end marker, progressive": ({"progressive": True}, lambda data: data[:-2] + data, "no-end-marker"),
    "a film in place of the end marker": ({}, lambda data: data[:-2] + FILM, "no-end-marker"),
    "short JFIF": ({}, segment(0xE0, b"JFIF\0\1"), "short-segment"),
    "short Adobe": ({}, segment(0xEE, b"Adobe"), "short-segment"),
    "short profile": ({}, segment(0xE2, b"ICC_PROFILE\0"), "short-segment"),
    "zeros in place of the end marker": ({}, lambda data: data[:-2] + bytes(512), "no-end-marker"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HARMLESS)
def test_a_fault_beside_the_pixels_is_noted_and_the_pixels_are_the_same(kind: str) -> None:
    options, change, noted = HARMLESS[kind]
    clean = jpeg(**options)
    found = decode(change(clean))
    assert np.array_equal(found.image_hwc_u8, decode(clean).image_hwc_u8)
    assert noted in [caution.kind for caution in found.cautions]
    assert all(caution.sentence.isprintable() for caution in found.cautions)


def test_a_clean_file_and_bytes_behind_the_end_have_no_note() -> None:
    for data in (jpeg(), jpeg(progressive=True), jpeg(restart_marker_rows=1), jpeg() + b"behind the end" * 9):
        assert decode(data).cautions == ()


def test_several_faults_at_once_are_all_noted() -> None:
    data = before_end(b"\x77" * 20)(in_header(b"\0" * 9)(adobe(9)(jpeg())))
    assert {caution.kind for caution in decode(data[:2] + data).cautions} == {
        "start-marker-twice", "colour-transform", "extra-bytes",
    }  # fmt: skip


@pytest.mark.parametrize("times", [3, 40])
def test_a_fault_that_is_there_again_and_again_is_noted_once(times: int) -> None:
    for data, kind in (
        (b"\xff\xd8" * times + jpeg(), "start-marker-twice"),
        (adobe(*[9] * times)(jpeg()), "colour-transform"),
    ):
        found = decode(data)
        assert [caution.kind for caution in found.cautions] == [kind]
        assert as_result(found).warnings == found.cautions


def test_no_file_has_more_notes_than_a_result_may_have() -> None:
    found = decode(adobe(*range(3, 43))(jpeg()))
    assert len(as_result(found).warnings) == MOST_WARNINGS


def as_result(found: Picture) -> Result:
    return Result(
        width_px=1, height_px=1, media_type="image/jpeg", faces=(), pack="p@1", timings_ms={},
        warnings=found.cautions,
    )  # fmt: skip


FORMS: dict[str, dict[str, object]] = {
    "plain": {}, "fine": {"subsampling": 0}, "restarts": {"restart_marker_rows": 1}, "progressive": {"progressive": True},
}  # fmt: skip


NOISE = random.Random(8).randbytes(500).replace(b"\xff", b"\x7f")


@pytest.mark.parametrize("form", FORMS)
def test_missing_pixels_are_refused_whatever_stands_in_their_place(form: str) -> None:
    data = jpeg(**FORMS[form])
    chance = random.Random(form)
    for _ in range(25):
        at = chance.randrange(scan_start(data) + 1, len(data) - 8)
        for rest in (
            b"", END, bytes(20), bytes(9000), bytes(9000) + END, b"\x55" * 700, b"\x55" * 9000 + END, b"\xff" + bytes(50),
            data, FILM, NOISE, NOISE + END,
        ):  # fmt: skip
            with pytest.raises(DamagedPicture):
                decode(data[:at] + rest)


def test_a_progressive_file_cut_between_two_scans_is_not_whole() -> None:
    data = jpeg(progressive=True)
    scans = [found.start() for found in re.finditer(rb"\xff\xda", data)]
    tables = [data.rindex(b"\xff\xc4", 0, scan) for scan in scans[1:]]
    for at in (*tables, *scans[1:]):
        with pytest.raises(DamagedPicture, match="cut short"):
            decode(data[:at])


@pytest.mark.parametrize("form", FORMS)
def test_wrong_pixels_are_never_taken_for_padding(form: str) -> None:
    """libjpeg often ends before wrong pixels do, and warns of the rest as it warns of padding."""
    data = jpeg(**FORMS[form])
    clean, chance = decode(data).image_hwc_u8, random.Random(form)
    refused = 0
    for _ in range(60):
        at, count = chance.randrange(scan_start(data), len(data) - 70), chance.choice((1, 2, 8, 64))
        noise = bytes(chance.randrange(255) for _ in range(count))
        damaged = data[:at] + chance.choice((noise, b"", noise + noise)) + data[at + count :]
        try:
            found = decode(damaged)
        except DamagedPicture:
            refused += 1
        else:
            assert not found.cautions or np.array_equal(found.image_hwc_u8, clean)
    assert refused > 10


@pytest.mark.parametrize("lost", [b"\xff\xdb", b"\xff\xc4"])
def test_bytes_in_the_header_that_were_a_table_are_damage(lost: bytes) -> None:
    """libjpeg has usual Huffman tables of its own, and decodes with them."""
    data = jpeg(optimize=True)
    at = data.rindex(lost, 0, scan_start(data))
    with pytest.raises(DamagedPicture):
        decode(data[:at] + b"\x7f" + data[at + 1 :])
    usual = jpeg()
    at = usual.rindex(lost, 0, scan_start(usual))
    with pytest.raises(DamagedPicture):
        decode(usual[:at] + b"\x7f" + usual[at + 1 :])


def test_padding_behind_a_table_whose_length_is_wrong_is_the_rest_of_the_table() -> None:
    data = jpeg()
    at = data.index(b"\xff\xdb")
    with pytest.raises(DamagedPicture):
        decode(data[: at + 2] + b"\0\x20" + data[at + 4 :])


@pytest.mark.parametrize("filler", range(1, 255, 11))
def test_filling_in_place_of_pixels_is_never_padding(filler: int) -> None:
    data = jpeg()
    for at in range(scan_start(data) + 9, len(data) - 9, 1500):
        with pytest.raises(DamagedPicture):
            decode(data[:at] + bytes([filler]) * 5000 + END)


@pytest.mark.parametrize(("transform", "sampling"), [(0, (0x11,) * 4), (2, (0x22, 0x11, 0x11, 0x22))])
def test_of_four_colours_their_form_tells_the_transform(transform: int, sampling: tuple[int, ...]) -> None:
    frame = b"\xff\xc0\0\x14\x08\0\x10\0\x10\4" + b"".join(bytes((n, s, 0)) for n, s in enumerate(sampling))
    scan = b"\xff\xda\0\x0e\4" + b"".join(bytes((n, 0)) for n in range(4)) + b"\0\x3f\0" + b"\x12\x34"
    head = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"
    tidy, cautions = tidied(b"\xff\xd8" + head + b"\x09" + frame + scan + END)
    assert tidy[17] == transform and [one.kind for one in cautions] == ["colour-transform"]
    assert f"; {transform} was taken" in cautions[0].sentence


def test_a_transform_that_is_not_defined_in_a_picture_of_four_colours() -> None:
    clean = saved(picture().convert("CMYK"), "JPEG", quality=90)
    at = clean.index(b"Adobe") + 11
    found = decode(clean[:at] + b"\x09" + clean[at + 1 :])
    assert np.array_equal(found.image_hwc_u8, decode(clean).image_hwc_u8)
    assert [one.kind for one in found.cautions] == ["colour-transform"]
    with pytest.raises(DamagedPicture, match="Adobe is cut short, which tells the meaning of four colours"):
        decode(segment(0xEE, b"Adobe")(clean))


def test_a_marker_that_says_nothing_is_passed_over() -> None:
    clean = jpeg()
    for at in (2, header_end(clean)):
        found = decode(clean[:at] + b"\xff\x01" + clean[at:])
        assert found.cautions == () and np.array_equal(found.image_hwc_u8, decode(clean).image_hwc_u8)


@pytest.mark.parametrize(
    ("told", "meaning"),
    [
        ("Corrupt JPEG data: 9 extraneous bytes before marker 0xd0", Meaning.LEFTOVERS),
        ("Corrupt JPEG data: 18 extraneous bytes before marker 0xd9", Meaning.LEFTOVERS),
        ("Corrupt JPEG data: bad ICC marker", Meaning.HEADER),
        ("Unknown Adobe color transform code 9", Meaning.HEADER),
        ("Warning: unknown JFIF revision number 4.02", Meaning.HEADER),
        ("Invalid SOS parameters for sequential JPEG", Meaning.HEADER),
        ("Premature end of JPEG file", Meaning.NO_END),
        ("Corrupt JPEG data: premature end of data segment", Meaning.DAMAGE),
        ("Corrupt JPEG data: bad Huffman code", Meaning.DAMAGE),
        ("Corrupt JPEG data: bad arithmetic code", Meaning.DAMAGE),
        ("Corrupt JPEG data: found marker 0xd3 instead of RST2", Meaning.DAMAGE),
        ("Inconsistent progression sequence for component 0 coefficient 3", Meaning.DAMAGE),
        ("a warning of a later libjpeg", Meaning.DAMAGE),
    ],
)
def test_each_warning_has_a_meaning(told: str, meaning: Meaning) -> None:
    assert after_warning(told) is meaning


def test_what_to_do_helps_whoever_has_only_the_original() -> None:
    for data in (jpeg()[:3000], saved(picture(), "PNG")[:3000], saved(picture(), "WebP")[:3000]):
        with pytest.raises(DamagedPicture) as told:
            decode(data)
        assert "send the original" not in str(told.value) and "save it anew" in str(told.value)


def test_a_result_of_before_has_no_warnings_and_those_of_a_node_are_checked() -> None:
    old = Result(width_px=1, height_px=1, media_type="image/jpeg", faces=(), pack="p@1", timings_ms={})
    raw = old.model_dump(exclude={"warnings"})
    assert Result.model_validate(raw).warnings == ()
    bad = old.model_copy(update={"warnings": (Caution(kind="x", sentence="two\nlines"),)})
    with pytest.raises(ValueError, match="no text to be shown"):
        _check(bad)


def test_a_picture_has_its_notes() -> None:
    found: Picture = decode(HARMLESS["bytes before the end"][1](jpeg()))
    assert [one.sentence for one in found.cautions] == [
        "18 extra bytes were ignored before the end marker; all pixels are there"
    ]
