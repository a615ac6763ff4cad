"""Lines as they are sent: JSON lines, deflated. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

MAX_BATCH_BYTES = 128 * 1024
"""Of the lines as they are."""


def packed(lines: Sequence[bytes]) -> bytes:
    """Lines in fewer bytes; `unpacked` gives them back."""
    return zlib.compress(b"\n".join(lines), 1)


def unpacked(data: bytes, most_bytes: int = 2 * MAX_BATCH_BYTES) -> list[bytes]:
    """What `packed` was given.

    Raises:
        ValueError: damaged, cut short, or larger than `most_bytes`.
    """
    opened = zlib.decompressobj()
    try:
        content = opened.decompress(data, most_bytes)
    except zlib.error as error:
        raise ValueError(f"a batch of lines is damaged: {error}") from error
    if not opened.eof:
        raise ValueError(f"a batch of lines has more than {most_bytes} bytes, or is cut short")
    return content.split(b"\n") if content else []


def read_line(line: bytes) -> dict[str, Any]:
    """One line's fields.

    Raises:
        ValueError: it is no JSON object.
    """
    try:
        found = json.loads(line)
    except RecursionError as error:
        raise ValueError("a line is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("a line is no JSON object")
    return found
