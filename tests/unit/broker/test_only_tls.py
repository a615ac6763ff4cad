"""Before the other side has shown its certificate, nothing is said to it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from manyeyes.broker.connection import EngineClient
from manyeyes.broker.tls_stream import OnlyTls


class Writer:
    def __init__(self) -> None:
        self.told = b""

    def write(self, data: bytes) -> None:
        self.told += data

    def writelines(self, lines: list[bytes]) -> None:
        self.told += b"".join(lines)


@pytest.fixture
def transport() -> tuple[OnlyTls, Writer]:
    made, writer = OnlyTls(lambda: 1), Writer()
    made._io_writer = writer
    return made, writer


def test_a_greeting_without_tls_is_not_answered(transport: tuple[OnlyTls, Writer]) -> None:
    made, writer = transport
    with pytest.raises(ConnectionError, match="does not use TLS"):
        made.write(b"CONNECT {}")
    made.writelines([b"PUB secret"])
    asyncio.run(made.drain())
    assert writer.told == b""


def test_after_tls_everything_is_said(transport: tuple[OnlyTls, Writer]) -> None:
    made, writer = transport
    made._proven = True
    made.write(b"CONNECT ")
    made.writelines([b"PUB ", b"x"])
    assert writer.told == b"CONNECT PUB x"


def test_the_client_keeps_this_transport() -> None:
    """It makes one of its own wherever its transport is false."""
    assert bool(EngineClient()._transport)


def test_other_addresses_named_before_tls_are_not_tried() -> None:
    async def main() -> Any:
        client = EngineClient()
        client._setup_server_pool(["tls://10.0.0.1:4222"])
        client._current_server = client._server_pool[0]
        await client._process_info({"connect_urls": ["10.0.0.66:4222"]}, initial_connection=True)
        return [uri.netloc for uri in client.servers]

    assert asyncio.run(main()) == ["10.0.0.1:4222"]
