"""Signing in and out: a page without scripts, and the cookie that holds the session."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import parse_qsl, quote

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from manyeyes.console.address import root_of
from manyeyes.console.visitor import Reception, session_of
from manyeyes.credentials import API_KEY, LINK, cookie_name
from manyeyes.errors import ManyeyesError, NotSignedIn

_MOST_BYTES = 4096
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · manyeyes</title>
<link rel="icon" href="{base}/static/eyes.svg"><link rel="stylesheet" href="{base}/static/sign-in.css">
</head>
<body><main>
<img src="{base}/static/eyes.svg" alt="">
<h1>Sign in to manyeyes</h1>
{said}
<form method="post" action="{base}/sign-in?to={to}">
{field}
<button>Sign in</button>
</form>
<p>On the master's machine, <code>manyeyes console</code> signs you in without a key, and
<code>manyeyes keys create NAME --role admin</code> makes a key for somebody else.</p>
</main></body>
</html>
"""
_FIELD = """<label for="key">API key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus spellcheck="false">"""


def _page(base: str, to: str, said: str = "", status: int = 200, *, link: str = "") -> HTMLResponse:
    alert = f'<p role="alert">{escape(said)}</p>' if said else ""
    field = f'<input name="key" type="hidden" value="{escape(link)}">' if link else _FIELD
    return HTMLResponse(_PAGE.format(base=escape(base), to=quote(to), said=alert, field=field), status)


def _inside(request: Request) -> str:
    """The page to go to: one of the console's own, whatever the address says."""
    base = str(request.scope["root_path"])
    to = str(request.query_params.get("to", ""))
    if to.startswith(base + "/") and "//" not in to and "\\" not in to and not to.startswith(f"{base}/sign-"):
        return to
    return base + "/"


def _cookie(request: Request) -> dict[str, Any]:
    """What the session's cookie is for a browser: sent to this master only."""
    root = root_of(request)
    return {
        "key": cookie_name(root),
        "path": root or "/",
        "secure": True,
        "httponly": True,
        "samesite": "strict",
    }


def add_routes(site: FastAPI) -> None:
    """The routes sign-in and sign-out; `site.state.reception` says how to reach the gateway."""

    def reception() -> Reception:
        return site.state.reception  # type: ignore[no-any-return]

    @site.get("/sign-in")
    async def form(request: Request) -> Response:
        said = "You are signed out: the session has ended." if "ended" in request.query_params else ""
        link = request.query_params.get("link", "")
        return _page(request.scope["root_path"], _inside(request), said, link=link)

    @site.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        base, to = request.scope["root_path"], _inside(request)
        sent = b""
        async for part in request.stream():
            sent += part
            if len(sent) > _MOST_BYTES:
                return _page(base, to, "This is too long for an API key.", 413)
        key = dict(parse_qsl(sent.decode("latin-1"))).get("key", "").strip()
        if not key.isascii() or not key.isprintable() or not key:
            return _page(base, to, f"This is not an API key; keys start with {API_KEY}.", 401)
        async with reception().client(key, request) as client:
            try:
                session = await client.sign_in()
            except NotSignedIn:
                said = (
                    "This link was already used or has expired: 'manyeyes console' makes a new one."
                    if key.startswith(LINK)
                    else "This master does not know the API key: it is mistyped, revoked, or another master's."
                )
                return _page(base, to, said, 401)
            except ManyeyesError as error:
                return _page(base, to, error.detail, error.http_status)
        response = RedirectResponse(to, 303)
        assert session.expires_at is not None
        lasts_s = int((session.expires_at - datetime.now(UTC)).total_seconds())
        response.set_cookie(value=session.token, max_age=lasts_s, **_cookie(request))
        return response

    @site.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        async with reception().client(session_of(request), request) as client:
            with contextlib.suppress(NotSignedIn):
                await client.sign_out()
        response = RedirectResponse(request.scope["root_path"] + "/sign-in", 303)
        response.headers["Clear-Site-Data"] = '"storage"'  # the results that the page Recognise has kept
        response.delete_cookie(**_cookie(request))
        return response
