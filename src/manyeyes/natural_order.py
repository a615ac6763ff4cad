"""The order in which people expect names: `p2` before `p10`, whatever their case."""

from __future__ import annotations

import re
from functools import lru_cache

_NUMBER = re.compile(r"([0-9]+)")
_Part = tuple[int, int, str]


@lru_cache(maxsize=16_384)
def natural(name: str) -> tuple[tuple[_Part, ...], str]:
    """A key to sort names by; kept, since lists ask for it again and again.

    Numbers come before letters and count by their value; names that differ in case alone stand by their characters.
    """
    pieces = _NUMBER.split(name.casefold())  # every second one is a number
    parts: list[_Part] = []
    for place, piece in enumerate(pieces):
        if place % 2:
            digits = piece.lstrip("0")
            parts.append((0, len(digits), digits))
        elif piece:
            parts.append((1, 0, piece))
    return tuple(parts), name
