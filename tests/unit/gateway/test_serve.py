"""How servers serve and end."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from manyeyes.errors import StartError
from manyeyes.gateway.serve import serving


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
