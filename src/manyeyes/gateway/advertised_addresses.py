"""Tries at the start whether the addresses that a master names to other machines lead to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable

from manyeyes.addresses import with_port
from manyeyes.broker.proof import is_master_at
from manyeyes.telemetry import log


async def warn_of_unreachable(addresses: Iterable[str], port: int, ca_pem: str) -> None:
    """Log a warning for each address that cannot be resolved, or where something else answers, or nothing."""
    for address in addresses:
        if why := await _trouble(address, port, ca_pem):
            log().warning(
                "an address of --advertise does not lead to this master: nodes may not find it there",
                address=address,
                why=why,
            )


async def _trouble(address: str, port: int, ca_pem: str) -> str:
    try:
        await asyncio.get_running_loop().getaddrinfo(address, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return f"the name cannot be resolved here: {error.strerror or error}"
    if await is_master_at(with_port(address, port), ca_pem):
        return ""
    return f"this master does not answer at its port {port}, tried from this machine"
