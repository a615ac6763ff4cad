"""The API without TLS, for programs that cannot do otherwise: with an API key, and without the console and its cookie."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from manyeyes.addresses import bare, host_and_port, with_port
from manyeyes.credentials import LINK
from manyeyes.credentials import SESSION as SESSION_TOKEN
from manyeyes.errors import BadRequest, ManyeyesError, NotAllowed, NotSignedIn
from manyeyes.gateway.auth import SESSION, is_under, unread

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

    A cookie is not read, so that a session can neither begin nor go on here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        path = scope.get("path", "")
        if scope["type"] == "http":
            if not _is_served(path):
                error: ManyeyesError = NotAllowed(
                    "plain HTTP serves the API only, with an API key; the console and sign-in are at the HTTPS address"
                )
                await unread(error)(scope, receive, send)
                return
            if any(_shows_a_sign_in(name, value) for name, value in scope["headers"]):
                error = NotSignedIn("plain HTTP takes API keys only; a session works at the HTTPS address")
                await unread(error)(scope, receive, send)
                return
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"cookie"]
        await self._app(scope, receive, send)


def _shows_a_sign_in(name: bytes, value: bytes) -> bool:
    """Whether a header holds a session, or a link that signs in."""
    credential = value.partition(b" ")[2].strip()
    return name == b"authorization" and credential.startswith((SESSION_TOKEN.encode(), LINK.encode()))


def _is_served(path: str) -> bool:
    if is_under(path, SESSION):
        return False
    return path in _SERVED or is_under(path, "/v1")
