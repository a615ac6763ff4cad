"""Writes a configuration in the syntax that nats-server reads.

It is like JSON but for the escapes in a string: nats-server knows no `\\u00e9` and refuses the file for it. It knows
a letter as it is, in UTF-8, and any byte as `\\xXX`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_ESCAPES = {'"': '\\"', "\\": "\\\\"}


def written(value: object) -> str:
    """A value as text: a table, a list, a whole number, or a string.

    Raises:
        TypeError: another kind of value.
    """
    match value:
        case str():
            return _string(value)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Mapping():
            inner = ",\n".join(f"{_string(name)}: {written(one)}" for name, one in value.items())
            return f"{{\n{inner}\n}}"
        case Sequence():
            return f"[{', '.join(map(written, value))}]"
    raise TypeError(f"nats-server's configuration has no {type(value).__name__}")


def _string(text: str) -> str:
    return '"' + "".join(map(_letter, text)) + '"'


def _letter(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    return letter if letter >= " " and letter != "\x7f" else f"\\x{ord(letter):02x}"
