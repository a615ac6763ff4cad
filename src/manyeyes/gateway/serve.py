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
from starlette.types import ASGIApp

from manyeyes.addresses import ANY
from manyeyes.config import Limits
from manyeyes.errors import StartError
from manyeyes.gateway.connection import GatewayProtocol
from manyeyes.identity import Certificates
from manyeyes.listening import check_port
from manyeyes.own_certificate import OwnCertificate

GOODBYE_S = 1.0
"""Seconds that a client has to read the answer before its connection is closed; what it still sends is dropped."""


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
        limits: those of time.
        own: an operator's own certificate.
    """

    def __init__(self, config: uvicorn.Config, limits: Limits, own: OwnCertificate | None = None) -> None:
        super().__init__(config)
        self._limits = limits
        self._own = own

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        config = self.config
        if self._own is not None and config.ssl is not None:
            self._own.serve(config.ssl)

        def protocol() -> asyncio.Protocol:
            return GatewayProtocol(self._limits, config, self.server_state, self.lifespan.state)

        listening = await asyncio.get_running_loop().create_server(
            protocol,
            **_where(config.host, config.port),
            ssl=config.ssl,
            backlog=config.backlog,
            ssl_handshake_timeout=self._limits.head_s if config.ssl else None,
            ssl_shutdown_timeout=GOODBYE_S if config.ssl else None,
        )
        self.servers = [listening]
        self.started = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_server(
    app: ASGIApp,
    host: str,
    port: int,
    limits: Limits,
    certificates: Certificates,
    own: OwnCertificate | None = None,
) -> uvicorn.Server:
    """A server with TLS, not yet serving.

    Args:
        own: an operator's own certificate, for all who do not ask for the one of the master's CA.

    Raises:
        PortTaken: the port cannot be listened on.
    """
    check_port(host, port, "users", "--https-port")
    files = {"ssl_certfile": str(certificates.certificate), "ssl_keyfile": str(certificates.key)}
    return _Server(_config(app, host, port, **files), limits, own)


def make_plain_server(app: ASGIApp, host: str, port: int, limits: Limits) -> uvicorn.Server:
    """A server without TLS, not yet serving.

    Raises:
        PortTaken: the port cannot be listened on.
    """
    check_port(host, port, "plain HTTP", "--plain-http")
    return _Server(_config(app, host, port), limits)


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
        http=GatewayProtocol,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
        lifespan="off",
    )
