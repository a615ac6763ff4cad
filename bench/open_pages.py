"""Open pages of the console without browsers: each loads its page, connects its socket and takes what it is sent.

A browser's own work would compete with the master for the few cores of one machine; this costs next to nothing.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import socketio

COOKIE = "__Host-manyeyes"
_QUERY = re.compile(r"query: {'client_id': '(?P<client>[0-9a-f-]{36})', 'next_message_id': (?P<next>\d+)")
_ACK_S = 3.0


@asynccontextmanager
async def open_pages(
    url: str, token: str, paths: Sequence[str], trust: ssl.SSLContext
) -> AsyncIterator[list[int]]:
    """Pages that stay open while the block runs; yields how many messages came so far, in a list of one."""
    told = [0]
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=trust), headers={"Cookie": f"{COOKIE}={token}"}
            )
        )
        for path in paths:
            await stack.enter_async_context(_page(session, url, path, told))
        yield told


@asynccontextmanager
async def _page(session: aiohttp.ClientSession, url: str, path: str, told: list[int]) -> AsyncIterator[None]:
    async with session.get(f"{url}/console{path}", headers={"Sec-Fetch-Dest": "document"}) as answer:
        text = await answer.text()
        answer.raise_for_status()
    found = _QUERY.search(text)
    if found is None:
        raise RuntimeError(f"the page {path} names no socket; is it the sign-in page?")
    query = f"client_id={found['client']}&next_message_id={found['next']}&implicit_handshake=true"
    query += f"&tab_id={uuid.uuid4()}&document_id={uuid.uuid4()}"
    socket = socketio.AsyncClient(http_session=session, reconnection=False)
    seen = int(found["next"])

    @socket.on("*")
    async def any_event(event: str, data: dict[str, object]) -> None:
        nonlocal seen
        told[0] += 1
        seen = max(seen, int(data.get("_id", 0)) + 1)  # type: ignore[call-overload]

    await socket.connect(
        f"{url}/?{query}",
        headers={"Origin": url},
        transports=["websocket"],
        socketio_path="console/_nicegui_ws/socket.io",
    )

    async def acknowledge() -> None:
        while True:
            await asyncio.sleep(_ACK_S)
            await socket.emit("ack", {"client_id": found["client"], "next_message_id": seen})

    acknowledging = asyncio.create_task(acknowledge(), name=f"acknowledge {path}")
    try:
        yield
    finally:
        acknowledging.cancel()
        await socket.disconnect()
