"""The API without TLS, for programs that cannot do otherwise: with an API key, and without the console and its cookie."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from manyeyes.credentials import LINK
from manyeyes.credentials import SESSION as SESSION_TOKEN
from manyeyes.errors import BadRequest, ManyeyesError, NotAllowed, NotSignedIn
from manyeyes.gateway.auth import SESSION, is_under, unread
from manyeyes.gateway.request_head import path_of

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
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def parse_address(text: str) -> PlainAddress | None:
    """The address in ADDRESS:PORT or [ADDRESS]:PORT; None for an empty text.

    Raises:
        BadRequest: another form, or no address.
    """
    if not text:
        return None
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    usable = host and (bracketed or ":" not in host) and port.isascii() and port.isdigit()
    if not usable or not 0 < int(port) < 65536:
        raise BadRequest(
            f"--plain-http {text!r} is not of the form ADDRESS:PORT; write 127.0.0.1:8080 for programs on this machine, "
            "or the address of the network that it is for"
        )
    return PlainAddress(host, int(port))


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
        if scope["type"] == "http":
            path = path_of(scope)
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
