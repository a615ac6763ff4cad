"""What a worker prints, or dies with: lines of the agent's log, since a worker has neither a log nor a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from manyeyes.telemetry import log

MAX_SAID_BYTES = 16 * 1024
"""The most bytes of one line; the log keeps less."""
_GATHER_S = 0.2
"""How long to wait for more text, so that a traceback is one line. It also limits a recogniser to five lines a second."""
_READ_BYTES = 64 * 1024


async def listen(stream: asyncio.StreamReader, about: Callable[[], dict[str, object]]) -> None:
    """Log a worker's output until it ends; what exceeds the limit is dropped and counted.

    Args:
        about: what the line says beside it: which worker, which picture.
    """
    while data := await stream.read(_READ_BYTES):
        told = about()
        said, left_out = bytearray(data[:MAX_SAID_BYTES]), len(data[MAX_SAID_BYTES:])
        try:
            async with asyncio.timeout(_GATHER_S):
                while more := await stream.read(_READ_BYTES):
                    room = MAX_SAID_BYTES - len(said)
                    said += more[:room]
                    left_out += len(more[room:])
        except TimeoutError:
            pass
        facts = {**told, "left_out_bytes": left_out} if left_out else told
        log().info("worker said", text=said.decode(errors="replace").rstrip("\n"), **facts)
