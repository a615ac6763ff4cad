"""The auth middleware: a request without a valid API key or session is refused before its body is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from manyeyes.access.audit import Audit
from manyeyes.access.sessions import Caller
from manyeyes.credentials import cookie_name
from manyeyes.errors import BadRequest, CrossSite, ManyeyesError, NotSignedIn
from manyeyes.gateway.body_bytes import at_most
from manyeyes.gateway.problems import problem
from manyeyes.gateway.request_head import headers_of, path_of, root_of
from manyeyes.plain_text import plain

OPEN = ("/", "/healthz", "/readyz", "/openapi.json")
"""Paths that need no key: the way to the console, the health checks, and the description of the API."""
CONSOLE = "/console"
"""The console has a middleware of its own, since it answers with pages: `manyeyes.gateway.console`."""
SESSION = "/v1/session"
MAX_JSON_BYTES = 2 * 1024 * 1024
"""The most bytes of a JSON body; pictures and chunks have their own limits."""
CREDENTIAL = "manyeyes.credential"
"""Where a request's scope holds the API key or session that it came with."""
CALLER = "manyeyes.caller"
"""Where it holds whose that is, a `Caller`; not there for who shows a link to sign in with."""
_SHOWN_CHARACTERS = 200
_SAFE = ("GET", "HEAD", "OPTIONS")


def credential_of(method: str, headers: Mapping[str, str], root_path: str) -> str:
    """The API key or session's token that a request shows: in its Authorization header, or in the console's cookie.

    Raises:
        NotSignedIn: there is none.
        CrossSite: another site makes the browser send the cookie.
    """
    if authorization := headers.get("authorization", ""):
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() == "bearer" and key.strip():
            return key.strip()
    elif token := session_cookie(headers, root_path):
        if is_cross_site(headers) or (method not in _SAFE and not is_same_origin(headers)):
            raise CrossSite(
                f"another site may not act with the console's cookie{other_host(headers)}; "
                "programs send 'Authorization: Bearer KEY'"
            )
        return token
    raise NotSignedIn("send the header 'Authorization: Bearer KEY' with an API key of this master")


def authenticated(
    method: str,
    headers: Mapping[str, str],
    caller_of: Callable[[str], Caller | None],
    root_path: str,
) -> tuple[str, Caller]:
    """The credential of a request, and its caller.

    Raises:
        NotSignedIn: there is none, or it is not valid.
        CrossSite: another site makes the browser send the cookie.
    """
    credential = credential_of(method, headers, root_path)
    caller = caller_of(credential)
    if caller is None:
        raise NotSignedIn(
            "this API key or session is unknown here: was it made by another master, revoked, or has it expired?"
        )
    return credential, caller


def address_of(scope: Scope) -> str:
    """Where a request comes from; of what the console asks for a browser, the browser's address."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def refused(error: ManyeyesError, scope: Scope, audit: Audit) -> Response:
    """The answer to a refused request; the rest of it is not read. A key that is not valid is counted for the audit log."""
    if isinstance(error, NotSignedIn) and shows_credential(headers_of(scope), root_of(scope)):
        audit.refused_stranger(address_of(scope))
    return unread(error)


def unread(error: ManyeyesError) -> Response:
    """The answer to a request whose rest is not read."""
    return closing(problem(error))


def closing(response: Response) -> Response:
    """The answer, after which the connection is closed."""
    response.headers["Connection"] = "close"
    return response


def caller_of(request: Request) -> Caller:
    """The sender of a request, as it was when its head came in."""
    caller: Caller = request.scope[CALLER]
    return caller


def shows_credential(headers: Mapping[str, str], root_path: str) -> bool:
    """Whether a request shows any key, session or link, valid or not."""
    return bool(headers.get("authorization") or session_cookie(headers, root_path))


def session_cookie(headers: Mapping[str, str], root_path: str) -> str:
    """The token in the console's cookie, empty without one."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(cookie_name(root_path))
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def is_cross_site(headers: Mapping[str, str]) -> bool:
    """Whether the browser says that another site is behind a request."""
    return headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether the browser vouches that a page of this very host is behind a request."""
    origin = headers.get("origin", "")
    if origin:
        return _same_host(origin, headers)
    return headers.get("sec-fetch-site", "") == "same-origin"


def _same_host(origin: str, headers: Mapping[str, str]) -> bool:
    host = headers.get("host", "").lower().removesuffix(":443")
    return origin.lower().removesuffix(":443") == f"https://{host}"


def other_host(headers: Mapping[str, str]) -> str:
    """Where a page of another host is behind a request: which, and what to do if a proxy has changed the host; else empty."""
    origin = plain(headers.get("origin", ""), _SHOWN_CHARACTERS)
    if not origin or _same_host(origin, headers):
        return ""
    host = plain(headers.get("host", ""), _SHOWN_CHARACTERS)
    if origin.lower() == f"http://{host.lower()}":
        return f": the browser is at {origin}, and the console needs https://"
    return (
        f": the browser is at {origin}, and this request is for https://{host}. If a proxy in front of this master has "
        "changed the host, have it pass on the browser's (nginx: proxy_set_header Host $http_host), or send "
        "X-Forwarded-Host and start the master with --trusted-proxy ADDRESS"
    )


class AuthMiddleware:
    """ASGI middleware: refuses requests without a valid API key or session.

    Args:
        caller_of: returns the caller for a credential; None if this master does not know it.
        may_sign_in: whether the credential is a sign-in link, which can only start a session.
        audit: counts what is refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        caller_of: Callable[[str], Caller | None],
        may_sign_in: Callable[[str], bool],
        audit: Audit,
    ) -> None:
        self._app = app
        self._caller_of = caller_of
        self._may_sign_in = may_sign_in
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on requests with a key or a session."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        path = path_of(scope)
        if path in OPEN or is_under(path, CONSOLE):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = headers_of(scope)
        try:
            method = scope["method"]
            if (method, path) == ("POST", SESSION) and self._may_sign_in(
                link := credential_of(method, headers, root_of(scope))
            ):
                scope[CREDENTIAL] = link
            else:
                scope[CREDENTIAL], scope[CALLER] = authenticated(
                    method, headers, self._caller_of, root_of(scope)
                )
            if _is_json(path):
                declared = headers.get("content-length", "")
                receive = at_most(receive, declared, MAX_JSON_BYTES, lambda _: _too_long())
        except ManyeyesError as error:
            await refused(error, scope, self._audit)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def is_under(path: str, folder: str) -> bool:
    """Whether a path is a folder's or of something in it."""
    return path == folder or path.startswith(folder + "/")


def _is_json(path: str) -> bool:
    """Whether a body is JSON; routes for pictures and chunks read theirs themselves, and stop in time."""
    return path not in ("/v1/recognize", "/v1/people") and not path.endswith("/files")


def _too_long() -> BadRequest:
    return BadRequest(f"a JSON body has at most {MAX_JSON_BYTES} bytes")
