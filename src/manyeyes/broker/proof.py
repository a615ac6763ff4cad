"""Whether a master of one CA answers at an address: the proof that an announcement lacks."""

from __future__ import annotations

import asyncio

from manyeyes.addresses import host_and_port
from manyeyes.broker.connection import trust
from manyeyes.credentials import MASTER_HOSTNAME

_GREETING_BYTES = 64 * 1024


async def is_master_at(address: str, ca_pem: str, *, timeout_s: float = 3.0) -> bool:
    """Whether `host:port` shows a master's certificate by this CA. Nothing about the node is sent to it."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout_s):
            host, port = host_and_port(address)
            reader, writer = await asyncio.open_connection(host, port, limit=_GREETING_BYTES)
            if not (await reader.readline()).startswith(b"INFO "):
                return False
            await writer.start_tls(trust(ca_pem), server_hostname=MASTER_HOSTNAME)
            return True
    except (OSError, ValueError, EOFError):  # TLS refusals and time-outs are OSErrors
        return False
    finally:
        if writer is not None:
            writer.transport.abort()
