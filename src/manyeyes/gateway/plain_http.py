"""The API without TLS, for programs that cannot do otherwise: with an API key, and without the console and its cookie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from manyeyes.addresses import bare, host_and_port, with_port
from manyeyes.credentials import LINK
from manyeyes.credentials import SESSION as SESSION_TOKEN
from manyeyes.errors import BadRequest, NotSignedIn
from manyeyes.gateway.auth import SESSION, closing, is_under, session_cookie, unread
from manyeyes.gateway.problems import http_problem
from manyeyes.gateway.request_head import headers_of, path_of, root_of

_SERVED = ("/healthz", "/readyz", "/metrics", "/openapi.json")
WARNING = "API keys, pictures and names can be read and changed on their way"


@dataclass(frozen=True)
class PlainAddress:
    """Where plain HTTP is served."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """For people."""
        return f"http://{with_port(self.host, self.port)}"


def parse_address(text: str) -> PlainAddress | None:
    """The address in ADDRESS:PORT or [ADDRESS]:PORT; None for an empty text.

    Raises:
        BadRequest: another form, or no address.
    """
    if not text:
        return None
    try:
        host, port = host_and_port(text)
        usable = with_port(host, port) == text and 0 < port < 65536
    except ValueError:
        usable = False
    if not usable:
        raise BadRequest(
            f"--plain-http {text!r} is not of the form ADDRESS:PORT; write 127.0.0.1:8080 for programs on this machine, "
            "or the address of the network that it is for"
        )
    return PlainAddress(bare(host), port)


class PlainHttp:
    """ASGI app around the gateway: serves the API, refuses everything that a browser signs in with.

    A session can neither begin nor go on here.

    Args:
        https_port: where the console and sign-in are, for the refusals.
    """

    def __init__(self, app: ASGIApp, https_port: int) -> None:
        self._app = app
        self._https_port = https_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http":
            path = path_of(scope)
            if not _is_served(path):
                answer = http_problem(
                    HTTPException(
                        403, f"The console and sign-in are served over HTTPS only, at port {self._https_port}"
                    )
                )
                await closing(answer)(scope, receive, send)
                return
            if _shows_a_sign_in(headers_of(scope), root_of(scope)):
                error = NotSignedIn(
                    "plain HTTP takes API keys only, in the header 'Authorization: Bearer KEY' ('manyeyes keys create' "
                    f"makes one); a session works at the HTTPS address, port {self._https_port} of this master"
                )
                await unread(error)(scope, receive, send)
                return
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"cookie"]
        await self._app(scope, receive, send)


def _shows_a_sign_in(headers: Mapping[str, str], root_path: str) -> bool:
    """Whether a request comes with a session, or with a link that signs in, and not with a key."""
    if authorization := headers.get("authorization", ""):
        return authorization.partition(" ")[2].strip().startswith((SESSION_TOKEN, LINK))
    return bool(session_cookie(headers, root_path))


def _is_served(path: str) -> bool:
    if is_under(path, SESSION):
        return False
    return path in _SERVED or is_under(path, "/v1")
