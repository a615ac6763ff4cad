"""How an answer leaves: its head with its body where that is there, alone where it is not, and never late. How servers end."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from manyeyes.errors import StartError
from manyeyes.gateway.serve import _HeadWithBody, serving


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


class Server:
    """A stand-in for uvicorn's: ends when it is asked to, or by itself."""

    def __init__(self, ends: Exception | float | None = None, port: int = 1) -> None:
        self.ends = ends
        self.started = self.should_exit = False
        self.stopped = False
        self.config = SimpleNamespace(host="::1", port=port)

    async def serve(self) -> None:
        if isinstance(self.ends, Exception):
            raise self.ends
        self.started = True
        until = time.monotonic() + (60 if self.ends is None else self.ends)
        while not self.should_exit and time.monotonic() < until:
            await asyncio.sleep(0.001)
        self.stopped = True


async def _served(*servers: Server, for_s: float) -> None:
    async with serving(cast(Any, servers)):
        assert all(server.started for server in servers)
        await asyncio.sleep(for_s)


def test_servers_serve_until_the_context_is_left() -> None:
    servers = (Server(), Server())
    asyncio.run(_served(*servers, for_s=0.005))
    assert all(server.should_exit and server.stopped for server in servers)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (OSError(98, "Address already in use"), "cannot be served at ::1 port 7: Address already in use"),
        (0.005, "the HTTP server at ::1 port 7 ended by itself"),
    ],
)
def test_a_server_that_ends_early_ends_the_master(ends: Exception | float, said: str) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(_served(Server(), Server(ends, port=7), for_s=30))
    (error,) = raised.value.exceptions
    assert isinstance(error, StartError) and said in error.detail
