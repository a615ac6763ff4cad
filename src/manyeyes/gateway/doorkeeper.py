"""Nobody without an API key gets further than the door: refused before a byte of the body is read."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from manyeyes.errors import BadRequest, ManyeyesError, NotSignedIn

OPEN = ("/healthz", "/readyz", "/openapi.json")
"""What answers without a key: whether the master lives and has nodes, and the description of the API."""
MAX_JSON_BYTES = 2 * 1024 * 1024
"""Of a body that is JSON; pictures and chunks have limits of their own."""


def key_of(authorization: str) -> str:
    """The API key in an Authorization header.

    Raises:
        NotSignedIn: there is none.
    """
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise NotSignedIn("send the header 'Authorization: Bearer KEY' with an API key of this master")
    return key.strip()


class Doorkeeper:
    """ASGI middleware.

    Args:
        known: whether an API key is one of this master.
        refuse: an error as a response.
    """

    def __init__(
        self, app: ASGIApp, known: Callable[[str], bool], refuse: Callable[[ManyeyesError], Response]
    ) -> None:
        self._app = app
        self._known = known
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on whoever has a key."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        try:
            if not self._known(key_of(headers.get(b"authorization", ""))):
                raise NotSignedIn("this API key is unknown here; was it made by another master, or revoked?")
            declared = headers.get(b"content-length", "")
            if _is_json(scope["path"]) and declared.isdigit() and int(declared) > MAX_JSON_BYTES:
                raise _too_long()
        except ManyeyesError as error:
            response = self._refuse(error)
            response.headers["Connection"] = "close"
            await response(scope, receive, send)
            return
        await self._app(scope, _bounded(receive) if _is_json(scope["path"]) else receive, send)


def _is_json(path: str) -> bool:
    """Whether a body is JSON; routes for pictures and chunks read theirs themselves, and stop in time."""
    return path not in ("/v1/recognize", "/v1/people") and not path.endswith("/files")


def _too_long() -> BadRequest:
    return BadRequest(f"a JSON body has at most {MAX_JSON_BYTES} bytes")


def _bounded(receive: Receive) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_JSON_BYTES:
            raise _too_long()
        return message

    return counted
