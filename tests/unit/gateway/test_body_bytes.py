"""A body that is too long is stopped, by what its head says or by what has come."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from manyeyes.errors import TooManyBytes
from manyeyes.gateway.body_bytes import at_most


def too_many(seen: int) -> TooManyBytes:
    return TooManyBytes(f"{seen} bytes")


async def piece() -> Any:
    return {"type": "http.request", "body": b"12345", "more_body": True}


def test_a_declared_length_is_refused_before_anything_is_read() -> None:
    with pytest.raises(TooManyBytes, match="11 bytes"):
        at_most(piece, "11", 10, too_many)


@pytest.mark.parametrize("declared", ["", "10", "-11", "ten", "\u00b2"])
def test_what_comes_is_counted_whatever_was_declared(declared: str) -> None:
    async def scene() -> None:
        receive = at_most(piece, declared, 10, too_many)
        assert [(await receive())["body"] for _ in range(2)] == [b"12345"] * 2
        await receive()

    with pytest.raises(TooManyBytes, match="15 bytes"):
        asyncio.run(scene())
