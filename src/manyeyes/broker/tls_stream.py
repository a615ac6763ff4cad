"""Reads and writes the bytes of a connection to nats-server: nothing before TLS, and a large message in one piece."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import ParseResult

from nats.aio.transport import TcpTransport
from nats.protocol.parser import AWAITING_CONTROL_LINE, AWAITING_MSG_PAYLOAD, Parser

_GOODBYE_S = 0.5
"""Seconds to wait for the end of TLS. The default of 30 s would delay a new connection if the peer is gone."""
_END = b"\r\n"
_MOST_WAITING_BYTES = 4 * 1024 * 1024
"""The most bytes that have arrived and are not read yet; more than any message has."""


class MessageParser(Parser):
    """The client's parser, which copies a large message once instead of three times."""

    def missing_bytes(self) -> int:
        """How many bytes of the current message are missing; 1 between messages."""
        return self.needed + len(_END) - len(self.buf) if self.state == AWAITING_MSG_PAYLOAD else 1

    async def parse(self, data: bytes = b"") -> None:
        """Take the bytes that arrived, and pass on each complete message."""
        missing = self.missing_bytes()
        if self.state == AWAITING_MSG_PAYLOAD and len(self.buf) <= self.needed and missing <= len(data):
            rest = memoryview(data)
            content = b"".join((self.buf, rest[: missing - len(_END)]))
            headers, self.header_needed = self.header_needed, 0
            self.buf, self.state = bytearray(), AWAITING_CONTROL_LINE
            told, subject = self.msg_arg, self.msg_arg["subject"]
            head, body = (content[:headers], content[headers:]) if headers else (None, content)
            await self.nc._process_msg(told["sid"], subject, told["reply"], body, head)
            data = bytes(rest[missing:])
        await super().parse(data)


class MessageReader(asyncio.StreamReader):
    """Wakes its reader once for the rest of a message, not for each TLS record of 16 KB.

    Args:
        missing_bytes: see `MessageParser`.
    """

    def __init__(self, missing_bytes: Callable[[], int]) -> None:
        super().__init__()
        self._missing_bytes = missing_bytes
        self._pieces: list[bytes] = []
        self._size_bytes = 0
        self._wanted_bytes = 0
        """0: nobody has read yet, and lines are asked for."""
        self._enough = asyncio.Event()
        self._source: asyncio.Transport | None = None
        self._paused = False

    def set_transport(self, transport: asyncio.BaseTransport) -> None:
        super().set_transport(transport)
        if isinstance(transport, asyncio.Transport):
            self._source = transport

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]
        if not self._wanted_bytes:
            super().feed_data(data)
            return
        self._pieces.append(data)
        self._size_bytes += len(data)
        if self._size_bytes >= self._wanted_bytes:
            self._enough.set()
        if self._size_bytes > _MOST_WAITING_BYTES and self._source is not None and not self._paused:
            self._paused = True
            self._source.pause_reading()

    def feed_eof(self) -> None:
        super().feed_eof()
        self._enough.set()

    def set_exception(self, exc: Exception) -> None:
        super().set_exception(exc)
        self._enough.set()

    def at_eof(self) -> bool:
        return not self._pieces and super().at_eof()

    async def read(self, n: int = -1) -> bytes:
        """Return what arrived, once the current message is complete. At the end of the stream: up to `n` bytes."""
        first, self._wanted_bytes = not self._wanted_bytes, max(1, self._missing_bytes())
        if first and (left := len(self._buffer)):  # type: ignore[attr-defined]
            return await super().read(left)
        if self._size_bytes < self._wanted_bytes and self.exception() is None and not super().at_eof():
            self._enough.clear()
            await self._enough.wait()
        if not self._pieces:
            return await super().read(n)
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces, self._size_bytes = [], 0
        if self._paused and self._source is not None:
            self._paused = False
            self._source.resume_reading()
        return data


class OnlyTls(TcpTransport):
    """Sends nothing before the other side has shown its certificate, whatever its greeting says about TLS.

    The client uses TLS only if the greeting asks for it. The greeting is not encrypted, so anybody in between, or
    at an old address of the master, could leave that out and receive what is meant for the master.
    """

    def __init__(self, missing_bytes: Callable[[], int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._missing_bytes = missing_bytes
        self._proven = False

    def __bool__(self) -> bool:
        return True  # the client makes one of its own where this is false

    async def connect(self, uri: Any, buffer_size: int, connect_timeout: int) -> None:
        self._proven = False
        await super().connect(uri, buffer_size, connect_timeout)

    async def connect_tls(
        self, uri: str | ParseResult, ssl_context: ssl.SSLContext, buffer_size: int, connect_timeout: int
    ) -> None:
        """Use TLS from now on; raises if the certificate is for another host."""
        assert self._io_writer is not None
        loop = asyncio.get_running_loop()
        reader = MessageReader(self._missing_bytes)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport = await asyncio.wait_for(
            loop.start_tls(self._io_writer.transport, protocol, ssl_context, server_hostname=_host(uri)),
            connect_timeout,
        )
        assert transport is not None
        protocol.connection_made(transport)
        self._io_reader = reader
        self._io_writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        self._proven = True

    @property
    def written(self) -> bool:
        """Whether this process has sent all that was written."""
        return self._io_writer is not None and self._io_writer.transport.get_write_buffer_size() == 0

    def write(self, payload: bytes) -> None:
        if not self._proven:
            raise ConnectionError("the server does not use TLS; it is not the master")
        super().write(payload)  # type: ignore[no-untyped-call]

    def writelines(self, payload: Any) -> None:
        """Write pending bytes, if the connection uses TLS: a client that closes without one would send them to anybody."""
        if self._proven:
            super().writelines(payload)  # type: ignore[no-untyped-call]

    async def drain(self) -> None:
        if self._proven:
            await super().drain()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close; waits only a moment for a peer that does not answer."""
        super().close()  # type: ignore[no-untyped-call]
        if (writer := self._io_writer) is not None:
            asyncio.get_running_loop().call_later(_GOODBYE_S, writer.transport.abort)


def _host(uri: str | ParseResult) -> str | None:
    return uri if isinstance(uri, str) else uri.hostname
