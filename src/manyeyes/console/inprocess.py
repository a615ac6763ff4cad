"""How the console's client reaches the gateway in its own process: no socket, no TLS, answers read as they come.

httpx's own ASGI transport hands an answer over when it is whole, so it cannot follow a stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
from starlette.types import ASGIApp, Message, Scope

_AHEAD = 8
"""Parts of an answer that wait for a slow reader."""


class _Body(httpx.AsyncByteStream):
    def __init__(self, parts: asyncio.Queue[bytes | None], task: asyncio.Task[None]) -> None:
        self._parts = parts
        self._task = task

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._task.add_done_callback(self._ended)
        while (part := await self._parts.get()) is not None:
            yield part
        if self._task.done() and not self._task.cancelled() and (error := self._task.exception()):
            raise httpx.RemoteProtocolError(f"the gateway failed within its answer: {error!r}")

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A failed app says no last part itself."""
        if not task.cancelled() and task.exception() is not None:
            if self._parts.full():
                self._parts.get_nowait()
            self._parts.put_nowait(None)

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


class InProcess(httpx.AsyncBaseTransport):
    """Transport to an ASGI app of this process.

    Args:
        address: of the browser that the requests are made for.
    """

    def __init__(self, app: ASGIApp, address: str = "") -> None:
        self._app = app
        self._address = address

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Start the app on a request; returns when the answer's head is there.

        Raises:
            httpx.RemoteProtocolError: the app ended without an answer.
        """
        started: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        parts: asyncio.Queue[bytes | None] = asyncio.Queue(_AHEAD)
        gone = asyncio.Event()
        body = request.stream.__aiter__()  # type: ignore[union-attr]

        async def receive() -> Message:
            try:
                return {"type": "http.request", "body": await anext(body), "more_body": True}
            except StopAsyncIteration:
                if not ended:
                    ended.append(True)
                    return {"type": "http.request", "body": b"", "more_body": False}
                await gone.wait()
                return {"type": "http.disconnect"}

        ended: list[bool] = []

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                if not started.done():
                    started.set_result(message)
            elif message["type"] == "http.response.body":
                if message.get("body"):
                    await parts.put(message["body"])
                if not message.get("more_body"):
                    await parts.put(None)

        async def run() -> None:
            try:
                await self._app(_scope(request, self._address), receive, send)
            except Exception as error:
                if not started.done():
                    started.set_exception(httpx.RemoteProtocolError(f"the gateway failed: {error!r}"))
                raise
            finally:
                gone.set()
                if not started.done():
                    started.set_exception(httpx.RemoteProtocolError("the gateway gave no answer"))
            await parts.put(None)

        task = asyncio.create_task(run(), name=f"in-process {request.method} {request.url.path}")
        try:
            head = await started
        except BaseException:
            task.cancel()
            raise
        return httpx.Response(head["status"], headers=head["headers"], stream=_Body(parts, task))


def _scope(request: httpx.Request, address: str) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [
            (name.lower(), value) for name, value in request.headers.raw if name.lower() != b"accept-encoding"
        ],
        "scheme": "https",
        "path": request.url.path,
        "raw_path": request.url.raw_path.split(b"?")[0],
        "query_string": request.url.query,
        "server": (request.url.host, request.url.port),
        "client": (address or "console", 0),
        "root_path": "",
        "state": {},
    }
