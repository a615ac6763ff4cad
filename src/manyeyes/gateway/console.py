"""The console's auth middleware: sessions only, no other site, a content security policy on every page."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from manyeyes.gateway.auth import CONSOLE, is_cross_site, is_same_origin, other_host, session_cookie
from manyeyes.gateway.request_head import headers_of, path_of, root_of

SIGN_IN = "/sign-in"
_OPEN = (SIGN_IN, "/static/sign-in.css", "/static/eyes.svg")
"""The page for a browser without a session; within the console."""


def policy(nonce: str) -> str:
    """The content security policy of a page.

    Scripts need the page's nonce or come from this host; nothing comes from or goes to another host, and nobody
    frames a page. `unsafe-eval` is what the page library's template compiler needs (docs/decisions/0029).
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' blob: data:",
            "media-src 'self' blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}


class ConsoleAuth:
    """ASGI app around the console: refuses requests without a session, and sets the content security policy.

    Args:
        known: whether a session's token is valid.
    """

    def __init__(self, app: ASGIApp, known: Callable[[str], bool]) -> None:
        self._app = app
        self._known = known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what `_refusal` has nothing against."""
        headers = headers_of(scope)
        if scope["type"] == "websocket":
            if not is_same_origin(headers) or not self._known(session_cookie(headers, root_of(scope))):
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
            return
        guarded = _Guarded(send)
        if (refusal := self._refusal(scope, headers)) is not None:
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        is_safe = scope["method"] in ("GET", "HEAD")
        if not is_safe and not is_same_origin(headers):
            return Response(
                f"Another site may not act here{other_host(headers)}.", 403, media_type="text/plain"
            )
        if path_of(scope) in _OPEN:
            return None
        if self._known(session_cookie(headers, root_of(scope))) and not is_cross_site(headers):
            return None
        if is_safe and headers.get("sec-fetch-dest", "document") == "document":
            asked = scope["path"] + (
                f"?{query}" if (query := scope["query_string"].decode("latin-1")) else ""
            )
            return RedirectResponse(f"{scope['root_path']}{SIGN_IN}?to={quote(asked)}", 303)
        return Response("Sign in first.", 401, media_type="text/plain")


class _Guarded:
    """Sends a response with the policy; a page's own scripts get its nonce."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._nonce = secrets.token_urlsafe(18)
        self._page = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            headers["Content-Security-Policy"] = policy(self._nonce)
            headers.setdefault("Cache-Control", "no-cache")
            if headers.get("content-type", "").startswith("text/html"):
                headers["Cache-Control"] = "no-store"
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._page += message.get("body", b"")
            if message.get("more_body"):
                return
            # the page library escapes every `<` of what it is given, so each tag here is of its template
            page = bytes(self._page).replace(b"<script", f'<script nonce="{self._nonce}"'.encode())
            MutableHeaders(scope=self._start)["Content-Length"] = str(len(page))
            start, self._start = self._start, None
            await self._send(start)
            await self._send({"type": "http.response.body", "body": page})
            return
        await self._send(message)


@asynccontextmanager
async def serving_console(app: FastAPI, known: Callable[[str], bool], url: str) -> AsyncIterator[None]:
    """Serve the console under /console of the gateway's app while the block runs."""
    from manyeyes.console import site

    pages = site.make_site(app, url)
    app.mount(CONSOLE, ConsoleAuth(pages, known))

    @app.get("/", include_in_schema=False)
    async def root(request: Request) -> Response:
        return RedirectResponse(f"{root_of(request.scope)}{CONSOLE}/", 303)

    async with pages.router.lifespan_context(pages):
        yield
