"""Batches of log lines for sending: JSON lines, compressed with zlib. No I/O."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

MAX_BATCH_BYTES = 128 * 1024
"""The most bytes of the lines of one batch, before compression."""


def packed(lines: Sequence[bytes]) -> bytes:
    """Compress lines into a batch; `unpacked` reads it."""
    return zlib.compress(b"\n".join(lines), 1)


def unpacked(data: bytes, most_bytes: int = 2 * MAX_BATCH_BYTES) -> list[bytes]:
    """The lines of a batch that `packed` made.

    Raises:
        ValueError: the batch is damaged, cut short, or larger than `most_bytes` when decompressed.
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
    """Parse one line into its fields.

    Raises:
        ValueError: the line is not a JSON object.
    """
    try:
        found = json.loads(line)
    except RecursionError as error:
        raise ValueError("a line is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("a line is no JSON object")
    return found
