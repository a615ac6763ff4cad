"""What HTTP asks of every path: HEAD is GET without the body, OPTIONS tells the methods, a slash at the end changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from manyeyes.gateway.request_head import path_of


def methods_at(routes: Sequence[BaseRoute], path: str) -> tuple[str, ...]:
    """The methods that a path has, sorted; empty if there is no such path."""
    scope = {"type": "http", "method": "", "path": path, "root_path": ""}
    found = {
        method
        for route in routes
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE
        for method in route.methods or ()
    }
    if "GET" in found:
        found.add("HEAD")
    return (*sorted(found), "OPTIONS") if found else ()


def without_last_slash(scope: Scope, routes: Sequence[BaseRoute]) -> Scope:
    """A request for a path that exists without the slash at its end only, as one for that path."""
    path = path_of(scope)
    bare = path.rstrip("/")
    if bare and not methods_at(routes, path) and methods_at(routes, bare):
        return {**scope, "path": scope["path"][: len(scope["path"]) - len(path) + len(bare)]}
    return scope


class HttpMethods:
    """ASGI middleware, outermost: answers OPTIONS, and HEAD by what GET gives.

    Args:
        routes: those of the API.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS" and (allowed := methods_at(self._routes, path_of(scope))):
            await Response(status_code=204, headers={"Allow": ", ".join(allowed)})(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._head({**scope, "method": "GET"}, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head of the answer to GET, and end what would send its body: it may never end by itself."""
        answered = asyncio.Event()

        async def only_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                answered.set()
                await asyncio.Event().wait()  # until it is cancelled

        async def answer() -> None:
            await self._app(scope, receive, only_head)

        answering = asyncio.create_task(answer(), name="head")
        waiting = asyncio.create_task(answered.wait(), name="head of an answer")
        try:
            await asyncio.wait((answering, waiting), return_when=asyncio.FIRST_COMPLETED)
            if not answered.is_set():
                await answering
        finally:
            for task in (answering, waiting):
                task.cancel()
            await asyncio.wait((answering, waiting))
