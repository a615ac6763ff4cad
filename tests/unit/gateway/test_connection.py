"""How an answer leaves: its head with its body where that is there, alone where it is not, and never late."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from manyeyes.gateway.connection import _HeadWithBody


class Transport:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def writelines(self, parts: Any) -> None:
        self.sent.append(b"".join(parts))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def answering(*writes: bytes, close: bool = False) -> tuple[list[bytes], list[bytes]]:
    """What had left when the last of `writes` was made, and one turn of the loop later."""

    async def scene() -> tuple[list[bytes], list[bytes]]:
        below = Transport()
        out = _HeadWithBody(cast(asyncio.Transport, below), asyncio.get_running_loop())
        for data in writes:
            out.write(data)
        if close:
            out.close()
            assert out.is_closing()
        at_once = list(below.sent)
        await asyncio.sleep(0)
        return at_once, below.sent

    return asyncio.run(scene())


def test_a_head_leaves_with_its_body() -> None:
    at_once, later = answering(b"head", b"body", b"more")
    assert at_once == later == [b"headbody", b"more"]


def test_so_it_does_with_a_long_one() -> None:
    body = bytes(100_000)
    assert answering(b"head", body)[0] == [b"head" + body]


def test_a_head_without_a_body_does_not_wait() -> None:
    assert answering(b"head") == ([], [b"head"])


def test_nothing_is_lost_when_the_connection_closes() -> None:
    assert answering(b"head", close=True)[0] == [b"head"]
