"""How people and keys may be called, and when two names are one. Pure."""

from __future__ import annotations

import unicodedata

import idna

from manyeyes.plain_text import JOINERS, with_flags
from manyeyes.results import UNKNOWN

MAX_NAME_CHARACTERS = 200
_ZWJ = "\N{ZERO WIDTH JOINER}"
_VIRAMA = 9
"""The combining class of the marks that join two consonants."""
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Printable by their category, and still without ink."""
_STYLES = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
"""Variation selectors: they choose between two pictures of one character."""


def tidy(text: str) -> str:
    """The name composed (NFC), with single blanks within, and without joiners that change nothing."""
    name = " ".join(part for part in _one_blank(unicodedata.normalize("NFC", text)).split(" ") if part)
    return unicodedata.normalize(
        "NFC", "".join(one for place, one in enumerate(name) if _is_kept(name, place))
    )


def objection(name: str) -> str:
    """Why nobody may have this name, as `tidy` gives it; empty if somebody may."""
    if hidden := unseen(name):
        return hidden
    if not 0 < len(name) <= MAX_NAME_CHARACTERS:
        return f"the name has {len(name):,} characters; 1 to {MAX_NAME_CHARACTERS} are allowed"
    if not any(unicodedata.category(one)[0] in "LNSP" for one in name):
        return f"the name {name!r} has no letter; write one that can be read"
    if name_key(name) == UNKNOWN:
        return f"nobody can be called {name!r}: this word is drawn at faces that nobody knows; choose another name"
    return ""


def unseen(name: str) -> str:
    """Which character of a name cannot be seen, in a sentence; empty if all can."""
    for one in "".join(part for part, is_flag in with_flags(name) if not is_flag):
        if one in _BLANK or not (one.isprintable() or one in JOINERS):
            code = f"U+{ord(one):04X} {unicodedata.name(one, '')}".rstrip()
            return f"the name has a character that cannot be seen, {code}: write the name without it"
    return ""


def name_key(name: str) -> str:
    """What two names have in common if they are one: composed, without case, without blanks too many."""
    folded = "".join(map(_without_case, unicodedata.normalize("NFC", tidy(name))))
    return "".join(one for one in unicodedata.normalize("NFC", folded) if one not in _STYLES)


def _without_case(character: str) -> str:
    """Unicode's simple case folding: one letter stays one, so that ß is no ss, and Weiß is another name than Weiss."""
    folded = character.casefold()
    return folded if len(folded) == 1 else character.lower()


def _one_blank(text: str) -> str:
    return "".join(" " if unicodedata.category(one) == "Zs" else one for one in text.strip())


def _is_kept(name: str, place: int) -> bool:
    """Whether the character is no joiner, or a joiner that changes how its neighbours look."""
    if name[place] not in JOINERS:
        return True
    try:
        if idna.core.valid_contextj(name, place):
            return True
    except ValueError:  # a neighbour is no letter that idna knows
        pass
    before = name[:place].rstrip("".join(_STYLES) + "🏻🏼🏽🏾🏿")
    after = name[place + 1 : place + 2]
    if name[place] != _ZWJ or not before or not after:
        return False
    pictures = all(unicodedata.category(one) in ("So", "Sm") for one in (before[-1], after))
    return pictures or unicodedata.combining(after) == _VIRAMA
