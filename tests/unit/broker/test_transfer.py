"""Chunks and frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyeyes.broker.transfer import Assembly, chunks, frame, unframe
from manyeyes.contract import CHUNK_BYTES


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES])
def test_chunks_come_together_again(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    assembly = Assembly(size)
    for offset, chunk in chunks(content):
        assert len(chunk) <= CHUNK_BYTES
        assert assembly.add(offset, chunk)
    assert assembly.complete and assembly.content() == content


def test_a_missing_doubled_or_overlong_chunk_is_refused() -> None:
    assembly = Assembly(10)
    assert not assembly.add(5, b"12345")
    assert assembly.add(0, b"12345")
    assert not assembly.add(0, b"12345")
    assert not assembly.add(5, b"123456")
    assert not assembly.complete


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_frames(head: bytes, body: bytes) -> None:
    assert unframe(frame(head, body)) == (head, body)


def test_a_cut_frame_is_an_error() -> None:
    with pytest.raises(ValueError):
        unframe(frame(b"abcdef", b"")[:-1])
