"""Labels in every script: shaped, ordered, and never the same for two names."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import bidi
import numpy as np
import pytest
import uharfbuzz as hb
from hypothesis import given, settings
from hypothesis import strategies as some

from manyeyes.recognition.pictures import fonts, labels
from manyeyes.recognition.pictures.draw import draw
from manyeyes.recognition.pictures.fonts import BuiltInFont, FileFont
from manyeyes.recognition.pictures.labels import lay_out, missing_letters, single_line
from manyeyes.results import Face

LICENCE = 13
"""The number of a font's name that says its licence."""
TWO_NAMES_EACH = {
    "Latin": ("Nguyễn Thị Ánh", "Nguyễn Thị Anh"),
    "Greek": ("Ελένη", "Ελένα"),
    "Cyrillic": ("Иван", "Ивам"),
    "Hindi": ("राहुल शर्मा", "राहुल वर्मा"),
    "Bengali": ("র\N{ZERO WIDTH JOINER}্যাচেল", "রাচেল"),
    "Gujarati": ("ગીતા", "મીતા"),
    "Punjabi": ("ਗੁਰਪ੍ਰੀਤ", "ਮਨਪ੍ਰੀਤ"),
    "Tamil": ("கமல்", "விமல்"),
    "Telugu": ("రాము", "రాజు"),
    "Kannada": ("ರಾಮ", "ರಾಜ"),
    "Malayalam": ("രാജൻ", "രാജു"),
    "Sinhala": ("නිමල්", "කමල්"),
    "Thai": ("สมชาย", "สมหญิง"),
    "Lao": ("ສົມ", "ບຸນ"),
    "Khmer": ("សុខ", "សៅ"),
    "Burmese": ("အောင်", "ဇော်"),
    "Armenian": ("Մարիամ", "Մարիա"),
    "Georgian": ("გიორგი", "გიორგა"),
    "Amharic": ("አበበ", "ከበደ"),
    "Arabic": ("محمد علي", "محمد ولي"),
    "Persian": ("علی\N{ZERO WIDTH NON-JOINER}رضا", "علیرضا"),
    "Hebrew": ("דוד כהן", "דוד לוי"),
    "Chinese": ("李小龍", "李小明"),
    "Japanese": ("さくら", "サクラ"),
    "Korean": ("김민준", "김민서"),
    "emoji": ("👩\N{ZERO WIDTH JOINER}👩\N{ZERO WIDTH JOINER}👧", "👩👩👧"),
}


def face_of(name: str, box: tuple[int, int, int, int]) -> Face:
    return Face(
        box_xyxy_px=box, landmarks_px=(), score=1, name=name, distance=0.1, threshold=0.5, confidence=1
    )


def labelled(name: str, side: int = 600) -> np.ndarray:
    image = np.zeros((200, side, 3), np.uint8)
    draw(image, [face_of(name, (10, 90, 180, 160))])
    return image


@pytest.mark.parametrize("script", TWO_NAMES_EACH)
def test_two_names_of_a_script_have_two_labels_of_its_letters(script: str) -> None:
    one, other = TWO_NAMES_EACH[script]
    assert not np.array_equal(labelled(one), labelled(other))
    for name in (one, other):
        assert missing_letters(name) == []
        glyphs = [glyph for run in lay_out(single_line(name)).runs for glyph in run.glyphs]
        assert glyphs and all(glyph.id for glyph in glyphs), "no box in place of a letter"
        assert not np.array_equal(labelled(name), labelled("?" * len(name)))


def test_decomposed_accents_are_drawn_as_composed_ones() -> None:
    for name in ("José Żółć", "Nguyễn Thị Ánh", "김민준", "Ελένη", "й"):
        assert np.array_equal(labelled(unicodedata.normalize("NFD", name)), labelled(name))


def test_arabic_is_joined_and_goes_from_right_to_left() -> None:
    """The expected glyphs are asked of HarfBuzz by the letters' joined forms, of Unicode's own table."""
    (run,) = lay_out("محمد").runs
    assert isinstance(run.font, FileFont)
    joined = "\ufeaa\ufee4\ufea4\ufee3"  # from left: dal final, meem medial, hah medial, meem initial
    expected = [run.font.shape(one, "Arab", False)[0].id for one in joined]
    assert [glyph.id for glyph in run.glyphs] == expected


def test_the_letters_of_hebrew_stand_from_right_to_left_with_brackets_turned() -> None:
    runs = lay_out("דוד (Dave) 7").runs
    seen = [chr(_character_of(run.font, glyph.id)) for run in runs for glyph in run.glyphs]
    assert "".join(seen) == "7 (Dave) " + "דוד"[::-1]


def _character_of(font: fonts.Font | None, glyph: int) -> int:
    assert isinstance(font, FileFont)
    return next(one for one in font.characters if font.font.get_nominal_glyph(one) == glyph)


@settings(max_examples=150, deadline=None)
@given(some.text(" ab7()[]אבمد٣.-", min_size=1, max_size=12))
def test_the_order_is_that_of_unicode(text: str) -> None:
    """Beside the other half of python-bidi, which returns texts and no levels."""
    text = text.strip()
    places = [
        {"level": level, "letter": letter} for level, letter in zip(labels._levels(text), text, strict=True)
    ]
    levels = {one["level"] for one in places}
    if odd := [level for level in levels if level % 2]:
        labels.bidi.reverse_contiguous_sequence(places, 0, len(places) - 1, max(levels), min(odd))
    assert "".join(one["letter"] for one in places) == bidi.get_display(text)


def test_a_letter_that_no_font_has_is_written_as_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "system_font", lambda _: None)
    lay_out.cache_clear()
    assert missing_letters("ᬅᬓ Ann 𠮷") == ["ᬅ", "ᬓ", "𠮷"]
    assert [run.text for run in lay_out("ᬅᬓ Ann").runs] == ["U+1B05U+1B13", " ", "Ann"]
    assert not np.array_equal(labelled("ᬅᬓ"), labelled("ᬅᬔ"))
    assert not np.array_equal(labelled("ᬅᬓ"), labelled("ᬅ ᬓ"))
    apart = sum(lay_out(letter).width for letter in "ᬅᬓ")
    assert lay_out("ᬅᬓ").width > apart + 0.1, "the codes do not run together"
    lay_out.cache_clear()


def test_a_font_of_the_machine_is_used_where_no_other_has_the_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    thai = next(font for font in fonts.package_fonts() if font.has("ส"))
    latin = fonts.package_fonts()[0]
    monkeypatch.setattr(fonts, "package_fonts", lambda: (latin,))
    monkeypatch.setattr(fonts, "system_font", lambda letter: thai if thai.has(letter) else None)
    lay_out.cache_clear()
    assert {run.font for run in lay_out("สม").runs} == {thai}
    assert missing_letters("สม") == ["ส", "ม"], "other nodes may lack it"
    lay_out.cache_clear()


def test_a_folder_of_fonts_may_hold_anything(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fonts")
    (folder / "broken.ttf").write_bytes(b"\0\1\0\0" + bytes(range(200)))
    (folder / "empty.otf").write_bytes(b"")
    (folder / "note.txt").write_text("no font")
    (folder / "gone.ttf").symlink_to(folder / "nowhere")
    good = next(one for one in fonts.font_files() if "Thai" in one.name)
    (folder / "good.TTF").symlink_to(good)
    monkeypatch.setattr(fonts, "font_folders", lambda: (folder, folder / "missing"))
    found = fonts._system_fonts.__wrapped__()
    assert [font.has("ส") for font in found] == [True]


def test_a_long_name_is_cut_between_letters_not_within_them() -> None:
    name = "क्षि" * 60
    short = labels.shorten(name, 20)
    assert short.endswith("…") and short[:-1] == "क्षि" * (len(short[:-1]) // 4)
    assert labels.shorten("Ann", 0.1) == ""


def test_codes_of_letters_are_cut_between_codes_and_some_label_is_always_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fonts, "system_font", lambda _: None)
    lay_out.cache_clear()
    name = "ᬅᬓ᭄ᬱᬭ"
    one, two = lay_out(name[:1] + "…").width, lay_out(name[:2] + "…").width
    assert [labels.shorten(name, room) for room in (two, one, one - 0.1)] == [
        name[:2] + "…",
        name[:1] + "…",
        "…",
    ]
    for side in (150, 60, 30):
        image = np.zeros((side, side, 3), np.uint8)
        draw(image, [face_of(name, (side // 4, side // 3, side // 2, side // 2))])
        assert (image > 200).all(axis=2).any(), f"nothing is written on {side} px"
    lay_out.cache_clear()


def test_tall_letters_stay_within_their_label() -> None:
    for name in ("ป็ปี้ ญู", "Ẫ̃", "இளங்கௌ", "หนู ฏุ"):
        image = labelled(name)
        white = np.argwhere((image == 255).all(axis=2))
        green = np.argwhere((image[:88] == (80, 175, 30)).all(axis=2))
        assert green[:, 0].min() < white[:, 0].min() and white[:, 0].max() < 90


def test_opencv_draws_a_question_mark_where_it_has_no_letter() -> None:
    font = BuiltInFont()
    assert [font.has(one) for one in "王さ김?Aक\u0e2a"] == [True, True, True, True, True, False, False]


def test_a_label_costs_little_once_it_is_laid_out() -> None:
    labelled("राहुल")
    before = lay_out.cache_info().misses
    labelled("राहुल")
    assert lay_out.cache_info().misses == before


def test_every_font_of_the_package_has_a_licence_and_can_be_read() -> None:
    files = fonts.font_files()
    assert len(files) > 15 and fonts.FIRST in {path.name for path in files}
    for path in files:
        face = hb.Face(hb.Blob.from_file_path(str(path)))
        assert face.glyph_count > 50 and "SIL Open Font License" in face.get_name(LICENCE)


_WITHOUT_HARFBUZZ = """
import importlib.util, sys
real, gone = importlib.util.find_spec, ("uharfbuzz", "bidi", "manimgx_fonts")
importlib.util.find_spec = lambda name, package=None: None if name in gone else real(name, package)
from manyeyes.recognition.pictures import fonts, labels
assert not fonts.HAS_HARFBUZZ and not set(gone) & set(sys.modules)
assert [run.text for run in labels.lay_out("Ann 李").runs] == ["Ann 李"]
assert [run.text for run in labels.lay_out("क").runs] == ["U+0915"]
"""


def test_a_pack_without_harfbuzz_draws_with_opencv_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_HARFBUZZ], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
