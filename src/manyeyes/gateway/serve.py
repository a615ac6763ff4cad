"""The gateway's server: uvicorn over TLS inside the master's own event loop."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from manyeyes.broker.engine import check_port
from manyeyes.identity import Certificates


class _Server(uvicorn.Server):
    """Leaves signals to the role that runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def make_server(app: FastAPI, host: str, port: int, certificates: Certificates) -> uvicorn.Server:
    """A server, not yet serving.

    Raises:
        PortTaken: the port cannot be listened on.
    """
    check_port(host, port, "users", "--https-port")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        ssl_certfile=str(certificates.certificate),
        ssl_keyfile=str(certificates.key),
        log_config=None,
        access_log=False,
        http="httptools",
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
        lifespan="off",
    )
    return _Server(config)
