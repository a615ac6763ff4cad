"""Texts from elsewhere, made fit to be shown: names of files and people, reasons of nodes, messages of libraries. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MAX_TEXT_CHARACTERS = 500
JOINERS = "\u200c\u200d"
"""Invisible, and part of words: names in Persian and emoji need them."""
_OBEYED = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""What a terminal obeys or cannot show: controls, marks that turn the direction of writing, halves of characters."""
_FLAG = re.compile("(\N{WAVING BLACK FLAG}[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f)")
"""The flag of a part of a country, as England's: its code stands behind the flag in characters that cannot be seen."""
_QUOTED_BYTE = re.compile(r"\\udc([89a-f][0-9a-f])")
_UNDECODED = re.compile("[\udc80-\udcff]")


def harmless(text: str) -> str:
    r"""The text as it may be printed: what a terminal obeys or cannot show is written as an escape, as `\x1b` or `\n`.

    A byte that is not UTF-8 stands there as `\xe9`. Letters of all scripts, their joiners and emoji stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(part if whole else "".join(map(_shown, part)) for part, whole in with_flags(text))


def with_bytes_shown(text: str) -> str:
    r"""The text in which Python has quoted a word, with each byte that is not UTF-8 as `\xe9`: Python writes `\udce9` there."""
    return _QUOTED_BYTE.sub(r"\\x\1", text)


def plain(text: str, most: int = MAX_TEXT_CHARACTERS) -> str:
    """The text in one line of at most `most` characters: a space for each character that `harmless` would escape."""
    text = text[:most]
    if text.isprintable():
        return text
    return "".join(
        part if whole else "".join(" " if _is_obeyed(character) else _shown(character) for character in part)
        for part, whole in with_flags(text)
    )


def with_flags(text: str) -> Iterator[tuple[str, bool]]:
    """The text in parts, and of each whether it is a flag that is spelled in invisible characters."""
    for place, part in enumerate(_FLAG.split(text)):
        if part:
            yield part, place % 2 == 1


def seen_only(text: str, instead: str = "") -> str:
    """The text with `instead` for each character that cannot be seen, but for joiners and flags."""
    if text.isprintable():
        return text
    return "".join(
        part if whole else "".join(one if one.isprintable() or one in JOINERS else instead for one in part)
        for part, whole in with_flags(text)
    )


def utf8(text: str) -> str:
    r"""The text with each byte that is not UTF-8 written as an escape, as `\xe9`: it can be encoded then."""
    readable = _UNDECODED.sub(lambda found: _shown(found[0]), text)
    return readable.encode("utf-8", "backslashreplace").decode()


def _is_obeyed(character: str) -> bool:
    return character not in JOINERS and unicodedata.category(character) in _OBEYED


def _shown(character: str) -> str:
    if not _is_obeyed(character):
        return " " if unicodedata.category(character) == "Zs" else character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode() if code < 0xD800 or code > 0xDFFF else f"\\u{code:04x}"
