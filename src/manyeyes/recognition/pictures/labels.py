"""Lays a line of text out in every script: in what order, in which fonts, in which shapes; and fills it.

The order is that of Unicode's bidirectional algorithm (python-bidi), the shapes are HarfBuzz's. A letter that no font
has is written as its code, `U+1B05`: two names never look the same because a font is missing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any

import cv2
import numpy as np

from manyeyes.plain_text import JOINERS, seen_only
from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.pictures import fonts
from manyeyes.recognition.pictures.fonts import BuiltInFont, FileFont, Font, Glyph

if fonts.HAS_HARFBUZZ:
    import uharfbuzz as hb
    from bidi import algorithm as bidi

ELLIPSIS = "…"
ASCENT, DESCENT = 0.88, 0.22
"""Room above and below the baseline, in ems, where no letter needs more."""
_RIGHT_TO_LEFT = ("R", "AL", "AN")
_AS_A_MARK = dict.fromkeys(map(ord, JOINERS), "\N{COMBINING GRAVE ACCENT}")
"""The algorithm drops joiners; marks keep their place in the text, and take the direction of the letter before."""
_KEPT_LINES = 1024
_CODE_GAP = 0.18
"""Between two codes, in ems: less than a blank, which another name may have there."""


@dataclass(frozen=True)
class Run:
    """A part of a line in one font. `glyphs` go from left to right; `start` is its place in the text."""

    start: int
    text: str
    font: Font | None
    glyphs: Sequence[Glyph] = ()


@dataclass(frozen=True)
class Line:
    """A line that is laid out: runs from left to right. Lengths are in ems, to be multiplied with the size."""

    runs: tuple[Run, ...]
    cuts: tuple[int, ...]
    """Places in the text at which it can be cut, ascending."""

    @cached_property
    def width(self) -> float:
        """Of the whole line."""
        return sum(glyph.advance for run in self.runs for glyph in run.glyphs)

    @cached_property
    def ascent(self) -> float:
        """Above the baseline."""
        return max([ASCENT, *(glyph.top for run in self.runs for glyph in run.glyphs)])

    @cached_property
    def descent(self) -> float:
        """Below the baseline."""
        return max([DESCENT, *(-glyph.bottom for run in self.runs for glyph in run.glyphs)])

    def fill(self, mask_hw_u8: Bytes, left_px: int, baseline_px: int, size_px: int) -> None:
        """Fill the letters into an empty mask, uint8 (h, w); a pixel that is wholly covered becomes 255."""
        height, width = mask_hw_u8.shape
        raster: Any = None
        if fonts.HAS_HARFBUZZ:
            raster = hb.RasterDraw()
            raster.extents = hb.RasterExtents(-left_px, baseline_px - height, width, height, 0)
        x = 0.0
        for run in self.runs:
            for glyph in run.glyphs:
                if isinstance(run.font, FileFont):
                    scale = size_px / run.font.units
                    raster.transform = (scale, 0, 0, scale, (x + glyph.x) * size_px, glyph.y * size_px)
                    raster.draw_glyph(run.font.font, glyph.id)
                elif isinstance(run.font, BuiltInFont):
                    place = (left_px + round(x * size_px), baseline_px)
                    run.font.put(mask_hw_u8, chr(glyph.id), place, size_px)
                x += glyph.advance
        if raster is not None:
            image = raster.render()
            rows = np.frombuffer(image.buffer, np.uint8).reshape(image.extents.height, image.extents.stride)
            cv2.max(mask_hw_u8, np.ascontiguousarray(rows[::-1, :width]), dst=mask_hw_u8)


def single_line(text: str) -> str:
    """The text composed (NFC), in one line, without what cannot be seen, except joiners and what spells a flag."""
    return " ".join(seen_only(unicodedata.normalize("NFC", text), " ").split())


@lru_cache(_KEPT_LINES)
def lay_out(text: str) -> Line:
    """Lay out a text, as `single_line` gives it."""
    stretches: list[dict[str, Any]] = []
    for part in _parts(text):
        runs = [written for run in _runs(part) for written in _with_all_fonts(part, run)]
        stretches += ({"level": part.level, "run": run} for run in runs)
    levels = {one["level"] for one in stretches}
    if odd := [level for level in levels if level % 2]:
        bidi.reverse_contiguous_sequence(stretches, 0, len(stretches) - 1, max(levels), min(odd))
    ordered = tuple(one["run"] for one in stretches)
    cuts = {run.start + glyph.cluster for run in ordered for glyph in run.glyphs}
    return Line(ordered, tuple(sorted(cuts)))


def shorten(text: str, room_ems: float) -> str:
    """The text, or as much of its beginning as there is room for before a `…`; empty if there is no room for that."""
    line = lay_out(text)
    if line.width <= room_ems:
        return text
    for cut in reversed(line.cuts):
        short = text[:cut].rstrip() + ELLIPSIS
        if lay_out(short).width <= room_ems:
            return short
    return ""


def missing_letters(text: str) -> list[str]:
    """The letters of a text that are in none of the fonts that every node has, each once."""
    missing = (run.text for part in _parts(single_line(text)) for run in _runs(part) if run.font is None)
    return list(dict.fromkeys(letter for letters in missing for letter in letters if _is_visible(letter)))


@dataclass(frozen=True)
class _Part:
    """Neighbouring characters of one direction and one script."""

    start: int
    text: str
    level: int
    script: str | None

    @property
    def right_to_left(self) -> bool:
        return self.level % 2 == 1


def _parts(text: str) -> Iterator[_Part]:
    start = 0
    for (level, script), group in groupby(zip(_levels(text), _scripts(text), strict=True)):
        end = start + len(list(group))
        yield _Part(start, text[start:end], level, script)
        start = end


def _levels(text: str) -> list[int]:
    """Of each character the embedding level: odd is from right to left."""
    if not fonts.HAS_HARFBUZZ or not any(unicodedata.bidirectional(one) in _RIGHT_TO_LEFT for one in text):
        return [0] * len(text)
    marked, storage = text.translate(_AS_A_MARK), bidi.get_empty_storage()
    storage["base_level"] = bidi.get_base_level(marked)
    storage["base_dir"] = "LR"[storage["base_level"]]
    bidi.get_embedding_levels(marked, storage)
    bidi.explicit_embed_and_overrides(storage)
    bidi.resolve_weak_types(storage)
    _pair_brackets(storage)
    bidi.resolve_neutral_types(storage, False)
    bidi.resolve_implicit_levels(storage, False)
    return [one["level"] for one in storage["chars"]]


def _pair_brackets(storage: dict[str, Any]) -> None:
    """Give both brackets of a pair one direction: rule N0, which python-bidi has only in its other half.

    It is the line's where a letter of the line's direction stands between them, or before them; else the other.
    """
    line, characters, opened = storage["base_dir"], storage["chars"], list[tuple[str, int]]()
    strong = [{"L": "L", "R": "R", "AL": "R", "EN": "R", "AN": "R"}.get(one["type"]) for one in characters]
    pairs = []
    for place, one in enumerate(characters):
        category, letter = unicodedata.category(one["ch"]), one["ch"]
        if category == "Ps":
            opened.append((bidi.MIRRORED.get(letter, ""), place))
        elif category == "Pe" and any(closing == letter for closing, _ in opened):
            while (last := opened.pop())[0] != letter:
                pass
            pairs.append((last[1], place))
    for begin, end in sorted(pairs):
        within = {one for one in strong[begin + 1 : end] if one}
        before = next((one for one in reversed(strong[:begin]) if one), line)
        if within:
            direction = line if line in within else before
            strong[begin] = strong[end] = characters[begin]["type"] = characters[end]["type"] = direction


def _scripts(text: str) -> list[str | None]:
    """Of each character the script; what belongs to no script goes with what is before it, at the start with what follows."""
    found = [_script(one) for one in text]
    last = next((script for script in found if script), None)
    for place, script in enumerate(found):
        found[place] = last = script or last
    return found


@lru_cache(4096)
def _script(character: str) -> str | None:
    if not fonts.HAS_HARFBUZZ:
        return None
    buffer = hb.Buffer()
    buffer.add_codepoints([ord(character)])
    buffer.guess_segment_properties()
    script: str | None = buffer.script
    return script


def _runs(part: _Part) -> Iterator[Run]:
    """The part in the fonts that every node has; without a font what none of them has."""
    known = fonts.package_fonts()
    if all(map(known[0].has, part.text)):
        return _in_fonts(part, part.start, part.text, known[:1])
    fitting = [font for font in known if any(map(font.has, part.text))]
    letters = [one for one in part.text if unicodedata.category(one)[0] in "LM"]
    shaping = [font for font in fitting if isinstance(font, FileFont)]
    shaping.sort(key=lambda font: -sum(map(font.has, letters)))  # so that blanks and brackets fit the letters
    return _in_fonts(part, part.start, part.text, [*shaping, *(one for one in fitting if one not in shaping)])


def _in_fonts(part: _Part, start: int, text: str, order: Sequence[Font]) -> Iterator[Run]:
    """A text in the first font; what this one lacks, in the next."""
    if not order:
        yield Run(start, text, None)
        return
    font = order[0]
    glyphs = font.shape(text, part.script, part.right_to_left)
    stretches = list(_stretches(text, glyphs))
    for begin, end, is_there in stretches:
        of = text[begin:end]
        if not is_there:
            yield from _in_fonts(part, start + begin, of, order[1:])
        elif len(stretches) == 1:
            yield Run(start, text, font, glyphs)
        else:
            yield Run(start + begin, of, font, font.shape(of, part.script, part.right_to_left))


def _stretches(text: str, glyphs: Sequence[Glyph]) -> Iterator[tuple[int, int, bool]]:
    """(begin, end, whether the font has it) of neighbouring characters, in the order of the text."""
    begins = sorted({glyph.cluster for glyph in glyphs})
    clusters = list(zip(begins, [*begins[1:], len(text)], strict=True))
    for is_there, group in groupby(clusters, lambda one: _is_there(text, glyphs, *one)):
        several = list(group)
        yield several[0][0], several[-1][1], is_there


def _is_there(text: str, glyphs: Sequence[Glyph], begin: int, end: int) -> bool:
    own = [glyph for glyph in glyphs if glyph.cluster == begin]
    has_ink = any(glyph.top != glyph.bottom for glyph in own)
    return all(glyph.id for glyph in own) and (has_ink or not any(map(_is_visible, text[begin:end])))


def _is_visible(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character) not in ("Cf", "Mn", "Me")


def _with_all_fonts(part: _Part, run: Run) -> Iterator[Run]:
    """A run without a font in fonts of this machine; what no font has, as codes."""
    if run.font is not None:
        yield run
        return
    known = [font for letter in run.text if (font := fonts.system_font(letter))]
    for one in _in_fonts(part, run.start, run.text, list(dict.fromkeys(known))):
        if one.font is None:
            yield _with_codes(one)
        else:
            yield one


def _with_codes(run: Run) -> Run:
    """The codes of letters that no font has, apart from each other; between two of them the line can be cut."""
    font, glyphs = fonts.package_fonts()[0], list[Glyph]()
    codes = [" " if letter.isspace() else f"U+{ord(letter):04X}" for letter in run.text]
    for place, code in enumerate(codes):
        *first, last = font.shape(code, "Latn", False)
        gap = _CODE_GAP if place + 1 < len(codes) else 0.0
        glyphs += [replace(one, cluster=place) for one in (*first, replace(last, advance=last.advance + gap))]
    return Run(run.start, "".join(codes), font, glyphs)
