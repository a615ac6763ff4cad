"""Lines as they travel."""

from __future__ import annotations

import zlib

import pytest

from manyeyes.telemetry.batches import packed, read_line, unpacked


def test_there_and_back() -> None:
    lines = [b'{"a":1}', b'{"b":2}']
    assert unpacked(packed(lines)) == lines
    assert unpacked(packed([])) == []


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", packed([b"x" * 500])[:-3], zlib.compress(b"\0" * 50_000_000)]
)
def test_what_is_damaged_or_far_too_large_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="batch"):
        unpacked(data)


@pytest.mark.parametrize("line", [b"", b"[]", b"1", b"{", b"[" * 100_000, b"\xff"])
def test_what_is_no_line(line: bytes) -> None:
    with pytest.raises(ValueError):
        read_line(line)
