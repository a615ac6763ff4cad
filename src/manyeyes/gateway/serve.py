"""The gateway's server: uvicorn over TLS inside the master's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from manyeyes.addresses import ANY
from manyeyes.broker.engine import check_port
from manyeyes.errors import StartError
from manyeyes.identity import Certificates
from manyeyes.own_certificate import OwnCertificate

HANDSHAKE_S = 10.0
HEAD_S = 10.0
"""Time limits for the TLS handshake and for the head of a request. After that the connection is closed."""
GOODBYE_S = 1.0
"""Seconds that a client has to read the answer before its connection is closed; what it still sends is dropped."""
_PIECE_BYTES = 1024 * 1024
_JOINED_BYTES = 16 * 1024
"""What fits into one TLS record. A body up to this size is sent in one piece with its head. A longer body is not
copied, since the copy would cost more than a second record."""


class _HeadWithBody:
    """Writes one answer: the head is sent together with the first part of the body if that follows at once.

    That saves a system call and a TLS record for each answer, and the client wakes up once.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None
        self._begun = False

    def write(self, data: bytes) -> None:
        if not self._begun:
            self._begun, self._head = True, data
            self._loop.call_soon(self.flush)
        elif self._head is None:
            self._transport.write(data)
        else:
            head, self._head = self._head, None
            if len(data) <= _JOINED_BYTES:
                self._transport.write(head + data)
            else:
                self._transport.writelines((head, data))

    def flush(self) -> None:
        """Send a head that still waits."""
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


class _Body:
    """The part of a request's body that has arrived, in pieces; `bytes` joins them, and does not copy a single piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size_bytes = 0

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size_bytes += len(piece)

    def __len__(self) -> int:
        return self._size_bytes

    def __bytes__(self) -> bytes:
        return b"".join(self._pieces)


class _GatewayProtocol(HttpToolsProtocol):
    """Closes the connection of a client that sends no request; sends the head of an answer with its body.

    A body is passed on when it is complete or has `_PIECE_BYTES`, so the app is not woken for each TLS record.
    """

    _in_head = False
    _hurry: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and self._hurry is None:
            self._wait_for_head()

    def on_message_begin(self) -> None:
        self._stop_waiting()
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._in_head = False
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not None and self.cycle is not before:
            self.cycle.transport = _HeadWithBody(self.transport, self.loop)  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if (self.parser.should_upgrade() and self._should_upgrade()) or cycle.response_complete:
            return
        if not isinstance(cycle.body, _Body):
            cycle.body = _Body()  # type: ignore[assignment]
        cycle.body.add(body)  # type: ignore[attr-defined]
        if len(cycle.body) >= _PIECE_BYTES:
            self.flow.pause_reading()
            cycle.message_event.set()

    def _wait_for_head(self) -> None:
        self._hurry = self.loop.call_later(HEAD_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None


def allow_many_connections() -> None:
    """Raise the limit of open files as far as the system allows, so that a thousand idle clients do not use them up."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _where(host: str, port: int) -> dict[str, Any]:
    """The arguments with which asyncio listens; by itself it takes no IPv4 connections on `::`."""
    if host == ANY:
        return {"sock": socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True)}
    return {"host": host, "port": port}


class _Server(uvicorn.Server):
    """A uvicorn server that does not handle signals, and has time limits that uvicorn has no settings for.

    Args:
        own: an operator's own certificate.
    """

    def __init__(self, config: uvicorn.Config, own: OwnCertificate | None = None) -> None:
        super().__init__(config)
        self._own = own

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        config = self.config
        if self._own is not None and config.ssl is not None:
            self._own.serve(config.ssl)

        def protocol() -> asyncio.Protocol:
            return _GatewayProtocol(config, self.server_state, self.lifespan.state)

        listening = await asyncio.get_running_loop().create_server(
            protocol,
            **_where(config.host, config.port),
            ssl=config.ssl,
            backlog=config.backlog,
            ssl_handshake_timeout=HANDSHAKE_S if config.ssl else None,
            ssl_shutdown_timeout=GOODBYE_S if config.ssl else None,
        )
        self.servers = [listening]
        self.started = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_server(
    app: FastAPI, host: str, port: int, certificates: Certificates, own: OwnCertificate | None = None
) -> uvicorn.Server:
    """A server with TLS, not yet serving.

    Args:
        own: an operator's own certificate, for all who do not ask for the one of the master's CA.

    Raises:
        PortTaken: the port cannot be listened on.
    """
    check_port(host, port, "users", "--https-port")
    files = {"ssl_certfile": str(certificates.certificate), "ssl_keyfile": str(certificates.key)}
    return _Server(_config(app, host, port, **files), own)


def make_plain_server(app: ASGIApp, host: str, port: int) -> uvicorn.Server:
    """A server without TLS, not yet serving.

    Raises:
        PortTaken: the port cannot be listened on.
    """
    check_port(host, port, "plain HTTP", "--plain-http")
    return _Server(_config(app, host, port))


@contextlib.asynccontextmanager
async def serving(servers: Sequence[uvicorn.Server]) -> AsyncIterator[None]:
    """Serve until the context is left; a server that ends earlier ends what runs in the context too.

    Raises:
        StartError: a server ended by itself; in an exception group.
    """
    leaving = asyncio.Event()

    async def serve(server: uvicorn.Server) -> None:
        where = f"{server.config.host} port {server.config.port}"
        try:
            await server.serve()
        except OSError as error:
            raise StartError(f"HTTP cannot be served at {where}: {error.strerror or error}") from error
        if not leaving.is_set():
            raise StartError(f"the HTTP server at {where} ended by itself; start the master again")

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(serve(server), name="gateway") for server in servers]
        while not all(server.started for server in servers):
            await asyncio.sleep(0.02)
        try:
            yield
        finally:
            leaving.set()
            for server in servers:
                server.should_exit = True
            await asyncio.wait(tasks)


def _config(app: ASGIApp, host: str, port: int, **files: Any) -> uvicorn.Config:
    allow_many_connections()
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        **files,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        http=_GatewayProtocol,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
        lifespan="off",
    )
