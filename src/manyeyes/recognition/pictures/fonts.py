"""The fonts that labels are drawn with: those that manyeyes requires, OpenCV's own, and the system's.

HarfBuzz shapes the letters of font files; OpenCV's built-in font has Chinese, Japanese and Korean. A pack that was
built before faces@1.3.0 brings no HarfBuzz: there OpenCV's font is the only one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from manyeyes.recognition.arrays import Bytes

HAS_HARFBUZZ = all(find_spec(name) for name in ("uharfbuzz", "bidi", "manimgx_fonts"))
if HAS_HARFBUZZ:
    import manimgx_fonts
    import uharfbuzz as hb

WEIGHT = 600
FIRST = "NotoSans[wght].ttf"
_ITALIC = "Italic"
_ENDINGS = (".ttf", ".otf", ".ttc", ".otc")
_OUTLINES = {"glyf", "CFF ", "CFF2"}
_MOST_FILES = 5000
_MEASURED_PX = 256
_TOP, _BOTTOM = 0.88, -0.2
_COMPARED_PX = 24


@dataclass(frozen=True, slots=True)
class Glyph:
    """A letter's shape in a font, all lengths in ems; `id` 0: the font has none for it.

    `cluster` is the index of the first character that it stands for; `y` grows upward.
    """

    id: int
    cluster: int
    x: float
    y: float
    advance: float
    top: float
    bottom: float


class Font(Protocol):
    """A font that can shape a text."""

    def has(self, character: str) -> bool:
        """Whether it has a shape for the character."""

    def shape(self, text: str, script: str | None, right_to_left: bool) -> list[Glyph]:
        """The shapes of a text of one script, from left to right."""


class FileFont:
    """A font file, shaped and filled by HarfBuzz."""

    def __init__(self, path: Path, index: int = 0) -> None:
        self._face = hb.Face(hb.Blob.from_file_path(str(path)), index)
        self.font = hb.Font(self._face)
        if any(axis.tag == "wght" for axis in self._face.axis_infos):
            self.font.set_variations({"wght": WEIGHT})
        self.units = self._face.upem
        self.characters = self._face.unicodes
        self.has_outlines = bool(_OUTLINES & set(self._face.table_tags))

    def has(self, character: str) -> bool:
        """Whether it has a shape for the character."""
        return ord(character) in self.characters

    def shape(self, text: str, script: str | None, right_to_left: bool) -> list[Glyph]:
        """The shapes of a text of one script, from left to right."""
        buffer = hb.Buffer()
        buffer.add_codepoints([ord(character) for character in text])
        buffer.script = script or "Zyyy"
        buffer.direction = "rtl" if right_to_left else "ltr"
        hb.shape(self.font, buffer, {})
        return [
            self._glyph(info.codepoint, info.cluster, place)
            for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
        ]

    def _glyph(self, glyph: int, cluster: int, place: Any) -> Glyph:
        extents, units = self.font.get_glyph_extents(glyph), self.units
        top = (place.y_offset + extents.y_bearing) / units if extents else 0.0
        height = extents.height / units if extents else 0.0
        return Glyph(
            glyph,
            cluster,
            place.x_offset / units,
            place.y_offset / units,
            place.x_advance / units,
            top,
            top + height,
        )


class BuiltInFont:
    """OpenCV's built-in font: one shape for each character, in the order of the text."""

    def __init__(self) -> None:
        self._by_thread = threading.local()

    @property
    def _face(self) -> Any:
        if not hasattr(self._by_thread, "face"):
            self._by_thread.face = cv2.FontFace("sans")
        return self._by_thread.face

    @cached_property
    def _question_mark(self) -> Bytes:
        return self._drawn("?")

    @cache  # noqa: B019  there is one of this class
    def has(self, character: str) -> bool:
        """Whether it has a shape for the character: OpenCV draws a question mark where it has none."""
        return character == "?" or not np.array_equal(self._drawn(character), self._question_mark)

    def _drawn(self, character: str) -> Bytes:
        canvas = np.zeros((2 * _COMPARED_PX, 2 * _COMPARED_PX), np.uint8)
        self.put(canvas, character, (8, _COMPARED_PX + 8), _COMPARED_PX)
        return canvas

    @cache  # noqa: B019
    def _advance(self, character: str) -> float:
        return self.put(np.zeros((1, 1), np.uint8), character, (0, 0), _MEASURED_PX) / _MEASURED_PX

    def put(self, mask_hw_u8: Bytes, character: str, place_px: tuple[int, int], size_px: int) -> int:
        """Draw a character at a place on its baseline; returns where the next one begins."""
        (x, _), _ = cv2.putText(mask_hw_u8, character, place_px, (255,), self._face, size_px, WEIGHT)
        return int(x)

    def shape(self, text: str, script: str | None, right_to_left: bool) -> list[Glyph]:
        """One shape for each character, from left to right."""
        glyphs = [
            Glyph(ord(one) if self.has(one) else 0, place, 0.0, 0.0, self._advance(one), _TOP, _BOTTOM)
            for place, one in enumerate(text)
        ]
        return glyphs[::-1] if right_to_left else glyphs


@cache
def built_in() -> BuiltInFont:
    """OpenCV's font."""
    return BuiltInFont()


@cache
def package_fonts() -> tuple[Font, ...]:
    """The fonts that every node has, in the order in which they are asked for a letter."""
    if not HAS_HARFBUZZ:
        return (built_in(),)
    return (*map(FileFont, font_files()), built_in())


def font_files() -> list[Path]:
    """The upright fonts of the package, that of Latin letters first."""
    files = sorted(
        path for path in Path(manimgx_fonts.__file__).parent.glob("*.ttf") if _ITALIC not in path.name
    )
    return sorted(files, key=lambda path: path.name != FIRST)


@cache
def system_font(character: str) -> Font | None:
    """The first of this machine's own fonts that has the character."""
    if not HAS_HARFBUZZ:
        return None
    return next((font for font in _system_fonts() if font.has(character)), None)


def font_folders() -> Sequence[Path]:
    """Where fonts lie on Linux."""
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return (
        Path("/usr/share/fonts"),
        Path("/usr/local/share/fonts"),
        Path(home) / "fonts",
        Path.home() / ".fonts",
    )


@cache
def _system_fonts() -> tuple[FileFont, ...]:
    found = []
    for root in font_folders():
        for folder, _, names in os.walk(root):
            found += [Path(folder) / name for name in names if name.lower().endswith(_ENDINGS)]
    return tuple(font for path in sorted(found)[:_MOST_FILES] for font in _faces(path))


def _faces(path: Path) -> Iterator[FileFont]:
    try:
        number = hb.Face(hb.Blob.from_file_path(str(path))).count
        faces = [FileFont(path, index) for index in range(number)]
    except (hb.HarfBuzzError, OSError):
        return
    yield from (face for face in faces if face.has_outlines and len(face.characters))
