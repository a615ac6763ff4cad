"""Removes what no log line may hold: picture bytes, embeddings, keys, tokens, references to faces, long values. No I/O.

A line is a dict of plain values. Each value is checked for its kind and, if it is text, for its content: an
exception's message may quote anything. A removed value is replaced by its kind, such as `<API key>`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

MAX_TEXT_CHARACTERS = 2000
MAX_LINE_BYTES = 8192
MAX_ITEMS = 40
MAX_DEPTH = 4
MANY_NUMBERS = 8
"""So many numbers in a row, or more, are treated as an embedding."""
_HARMLESS_CHARACTERS = 20
"""A text this short holds no secret and no useful piece of a picture."""
_HARMLESS_RUN_CHARACTERS = 39
"""The same for letters and digits only, such as a trace id: secrets this short contain other characters too."""
_MAX_LOOKED_AT = 16_384
"""The most characters of one text that are checked: the time for each step below grows with them."""

SECRET_NAMES = frozenset(
    (
        "ack", "api_key", "authorization", "cookie", "embedding", "embeddings", "idempotency_key", "key",
        "password", "reference", "secret", "seed", "session", "token",
    )
)  # fmt: skip
"""Fields whose value is always removed."""

_NUMBER = r"(?:np\.float\d\d\()?-?\d{0,6}\.\d{1,20}(?:[eE][-+]?\d{1,3})?\)?"
_KINDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"mek_[\w-]{8,}", re.ASCII), "<API key>"),
    (re.compile(r"me[sl]_[\w-]{8,}", re.ASCII), "<session>"),
    (re.compile(r"me1_[\w-]{8,}", re.ASCII), "<join token>"),
    (re.compile(r"mef1\.[\w-]{8,}", re.ASCII), "<reference>"),
    (re.compile(r"\bS[A-Z][A-Z2-7]{54,}"), "<key seed>"),
    (re.compile(r"-----BEGIN[^-]*PRIVATE KEY.*?(?:-----END[^-]*-----|\Z)", re.DOTALL), "<private key>"),
    (re.compile(r"\bb'(?:[^'\\]|\\.){8,}(?:'|\Z)", re.DOTALL), "<bytes>"),
    (re.compile(r'\bb"(?:[^"\\]|\\.){8,}(?:"|\Z)', re.DOTALL), "<bytes>"),
    (re.compile(rf"{_NUMBER}(?:[,;\s]\s{{0,16}}{_NUMBER}){{{MANY_NUMBERS - 1},}}"), "<numbers>"),
    (re.compile(r"\d{1,3}(?:,\s{0,4}\d{1,3}){15,}"), "<numbers>"),
)
_SUSPECT = re.compile(
    r"me[k1sl]_|mef1\.|S[A-Z][A-Z2-7]{54}|PRIVATE KEY|\bb['\"]|\\x[0-9a-f]{2}|\d\.\d|\d,\s*\d|[\w+/-]{40}",
    re.ASCII,
)
_RUN = re.compile(r"[A-Za-z0-9+/_-]{40,}={0,2}")
_WORD = re.compile(r"\S+")
_HEX = re.compile(r"[0-9a-fA-F]+")
_DIGEST_CHARACTERS = 64
"""The length of a SHA-256 in hexadecimal; a longer run may be the content itself."""


def guarded(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event as it may be logged: plain values of limited size, no secrets."""
    return {str(name): _named(str(name), value, MAX_DEPTH) for name, value in event.items()}


def guarded_text(text: str, most: int = MAX_TEXT_CHARACTERS) -> str:
    """The text without secrets; its middle is left out if it is longer than `most` characters."""
    if len(text) <= _HARMLESS_CHARACTERS or (len(text) <= _HARMLESS_RUN_CHARACTERS and text.isalnum()):
        return text
    if len(text) > _MAX_LOOKED_AT:
        text = f"{text[: _MAX_LOOKED_AT // 2]} … {text[-_MAX_LOOKED_AT // 2 :]}"
    if _SUSPECT.search(text):
        for pattern, kind in _KINDS:
            text = pattern.sub(kind, text)
        if "\\x" in text:
            text = _WORD.sub(_escaped, text)
        text = _RUN.sub(_judge, text)
    if not text.isprintable() and _is_binary(text):
        return f"<{len(text)} characters, no text>"
    if len(text) <= most:
        return text
    head = most * 2 // 5
    return f"{text[:head]} … {len(text) - most} characters left out … {text[-(most - head) :]}"


def shortened(event: Mapping[str, Any], most: int) -> dict[str, Any]:
    """The event with each of its texts cut to `most` characters."""
    return {
        name: guarded_text(value if isinstance(value, str) else str(value), most)
        if isinstance(value, str | list | dict)
        else value
        for name, value in event.items()
    }


def _escaped(found: re.Match[str]) -> str:
    """Replace a word with two or more escaped bytes: it is part of a `repr` of bytes."""
    return "<bytes>" if found[0].count("\\x") > 1 else found[0]


def _is_binary(text: str) -> bool:
    odd = sum(not (character.isprintable() or character in "\n\t") for character in text)
    return odd >= 4 and odd * 20 > len(text)


def _judge(found: re.Match[str]) -> str:
    """Replace a long run of letters and digits, unless it is a word, a path or a digest."""
    run = found[0]
    if _HEX.fullmatch(run):
        return run if len(run) <= _DIGEST_CHARACTERS else f"<encoded, {len(run)} characters>"
    upper = sum(character.isupper() for character in run)
    lower = sum(character.islower() for character in run)
    digits = sum(character.isdigit() for character in run)
    random = min(upper, lower) * 7 >= len(run) and digits * 25 >= len(run)
    return f"<encoded, {len(run)} characters>" if random else run


_HARMLESS_TYPES = frozenset((int, float, bool, type(None)))


def _named(name: str, value: Any, depth: int) -> Any:
    if name in SECRET_NAMES and value not in (None, "", False, True):
        return f"<{name}>"
    kind = type(value)
    if kind in _HARMLESS_TYPES or (kind is str and len(value) <= _HARMLESS_CHARACTERS):
        return value
    return _value(value, depth)


def _value(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind in _HARMLESS_TYPES:
        return value
    if kind is str or isinstance(value, str):
        return guarded_text(value)
    if kind is list and depth > 0:
        return _items(value, depth)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, BaseException):
        return guarded_text(f"{type(value).__name__}: {value}")
    if depth <= 0:
        return f"<{type(value).__name__}>"
    if kind is dict or isinstance(value, Mapping):
        first = list(value.items())[:MAX_ITEMS]
        return {str(name)[:100]: _named(str(name), inner, depth - 1) for name, inner in first}
    if isinstance(value, Sequence | set | frozenset):
        return _items(list(value), depth)
    return guarded_text(str(value)) if _is_plain(value) else f"<{type(value).__name__}>"


def _items(items: list[Any], depth: int) -> Any:
    if len(items) >= MANY_NUMBERS:
        numbers = sum(isinstance(item, int | float) or hasattr(item, "dtype") for item in items)
        if numbers >= MANY_NUMBERS:
            return f"<{len(items)} numbers>"
    kept = [_value(item, depth - 1) for item in items[:MAX_ITEMS]]
    return [*kept, f"<{len(items) - MAX_ITEMS} more>"] if len(items) > MAX_ITEMS else kept


def _is_plain(value: Any) -> bool:
    """Whether a value has a short text, as a path, a date or an enumeration has; not an array, message or result."""
    return type(value).__module__.partition(".")[0] in (
        "pathlib",
        "datetime",
        "enum",
        "uuid",
        "ipaddress",
        "decimal",
    )
