"""A request's body reaches the app in one piece, a long one in a few, however it arrived."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from manyeyes.config import Limits
from manyeyes.gateway.connection import _PIECE_BYTES, GatewayProtocol


class Connection(asyncio.Transport):
    """Notes what is answered, and whether it was told to pause."""

    def __init__(self) -> None:
        super().__init__()
        self.sent, self.pauses = b"", 0

    def write(self, data: Any) -> None:
        self.sent += bytes(data)

    def writelines(self, parts: Any) -> None:
        self.sent += b"".join(parts)

    def pause_reading(self) -> None:
        self.pauses += 1

    def resume_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass


def pieces_of(size: int, step: int) -> tuple[list[bytes], Connection]:
    """What the app is given of a body of `size` bytes that arrives `step` bytes at a time."""
    given: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            given.append(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def scene() -> Connection:
        config = uvicorn.Config(app, http=GatewayProtocol, lifespan="off", log_config=None, access_log=False)
        config.load()
        protocol, connection = GatewayProtocol(Limits(), config, ServerState(), {}), Connection()
        protocol.connection_made(connection)
        protocol.data_received(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        content = bytes(number % 251 for number in range(size))
        for start in range(0, size, step):
            await asyncio.sleep(0)
            protocol.data_received(content[start : start + step])
        for _ in range(10):
            await asyncio.sleep(0)
        protocol.connection_lost(None)
        assert b"".join(given) == content
        return connection

    return given, asyncio.run(scene())


@pytest.mark.parametrize("size", [1, 60_000, 700_000])
def test_a_body_comes_in_one_piece(size: int) -> None:
    given, connection = pieces_of(size, 16_384)
    assert len(given) == 1 and connection.sent.startswith(b"HTTP/1.1 204") and not connection.pauses


def test_a_long_body_comes_in_a_few_and_the_rest_is_left_with_the_system() -> None:
    given, connection = pieces_of(3 * _PIECE_BYTES, 16_384)
    assert 3 <= len(given) <= 4 and connection.pauses >= 2


def test_a_request_without_a_body_is_answered() -> None:
    given, connection = pieces_of(0, 1)
    assert given == [b""] and connection.sent.startswith(b"HTTP/1.1 204")
