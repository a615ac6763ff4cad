from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyeyes.errors import ManyeyesError
from manyeyes.sdk.multipart import Part, parse_parts

HEADER = 'multipart/mixed; boundary="b0"'


def body_of(*parts: Part) -> bytes:
    out = b""
    for part in parts:
        head = f"Content-Type: {part.media_type}\r\ncontent-length: {len(part.content)}\r\n\r\n"
        out += b"--b0\r\n" + head.encode() + part.content + b"\r\n"
    return out + b"--b0--\r\n"


@given(st.lists(st.binary(max_size=40) | st.just(b"\r\n--b0--\r\n\r\n--b0\r\n"), max_size=3))
def test_any_bytes_come_through(contents: list[bytes]) -> None:
    parts = [Part("image/png", content) for content in contents]
    body = body_of(*parts)
    assert parse_parts(HEADER, body) == parts


@given(st.integers(min_value=0, max_value=100))
def test_every_cut_is_seen(cut: int) -> None:
    body = body_of(Part("application/json", b"{}"), Part("image/jpeg", b"\xff\xd8"))
    cut_off = body[: min(cut, len(body) - 5)]
    with pytest.raises(ManyeyesError):
        parse_parts(HEADER, cut_off)


def test_no_boundary_or_length() -> None:
    with pytest.raises(ManyeyesError, match="no boundary"):
        parse_parts("multipart/mixed", b"")
    with pytest.raises(ManyeyesError, match="states no length"):
        parse_parts(HEADER, b"--b0\r\nContent-Type: a/b\r\n\r\nx\r\n--b0--")
