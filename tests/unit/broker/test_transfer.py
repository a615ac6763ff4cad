"""Chunks and frames."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyeyes.broker.transfer import DEFLATE, Assembly, ResumedFile, chunks, expand, frame, squeeze, unframe
from manyeyes.contract import CHUNK_BYTES
from manyeyes.errors import Unavailable


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


@given(st.binary(max_size=3000))
def test_squeezed_chunks_expand_again(chunk: bytes) -> None:
    assert expand(squeeze(chunk), DEFLATE) == chunk
    assert expand(chunk, "") == chunk


@pytest.mark.parametrize("sent", [squeeze(bytes(CHUNK_BYTES + 1)), squeeze(b"abc")[:-1], b"not compressed"])
def test_a_chunk_that_expands_too_far_or_is_damaged_is_refused(sent: bytes) -> None:
    with pytest.raises(Unavailable, match="compressed chunk"):
        expand(sent, DEFLATE)


def test_a_resumed_file_goes_on_and_drops_what_is_too_much(tmp_path: Path) -> None:
    path = tmp_path / "part"
    first = ResumedFile(path)
    assert not first.add(b"abc", 6)
    first.close()
    second = ResumedFile(path)
    assert second.received == 3 and second.add(b"def", 6)
    second.close()
    assert path.read_bytes() == b"abcdef"
    third = ResumedFile(path)
    assert not third.add(b"x", 6) and third.received == 0
    third.close()
    assert path.read_bytes() == b""
