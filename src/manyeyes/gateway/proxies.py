"""What a proxy in front of the master tells about a request: who sent it, to which host, how, and below which path.

Anybody can write such headers, so only those of proxies that the operator trusts are believed; all others are dropped.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from manyeyes.errors import BadRequest

PROXIED = "manyeyes.proxied"
"""Set in the scope of a request that came through a trusted proxy; `through_proxy` in console/address.py reads it."""
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_FORWARDED = b"x-forwarded-"
OWN_PATHS = frozenset(("v1", "console", "healthz", "readyz", "metrics", "openapi.json"))
"""How the paths begin that a master itself serves: below one of them, nobody could tell which of both is asked for."""


def parse_root_path(text: str) -> str:
    """The sub-path without a slash at its end; empty: none.

    Raises:
        BadRequest: it is no path, or has characters that need quoting.
    """
    path = text.rstrip("/")
    if _is_own(path):
        raise BadRequest(
            f"--root-path {text!r} begins as a path that the master itself serves; choose another, as /faces{path}"
        )
    if not _is_path(path):
        raise BadRequest(
            f"--root-path {text!r} is no path of letters, digits and . _ ~ - that begins with a slash, as /faces"
        )
    return path


def parse_proxies(texts: Sequence[str]) -> list[str]:
    """Addresses and networks, as `10.0.0.4` or `10.0.0.0/24`.

    Raises:
        BadRequest: one is neither.
    """
    for text in texts:
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            raise BadRequest(
                f"--trusted-proxy {text!r} is no IP address or network ({error}); write it as 10.0.0.4 or 10.0.0.0/24"
            ) from error
    return list(texts)


def _is_path(path: str) -> bool:
    return bool(_PATH.fullmatch(path)) and not {".", ".."} & set(path.split("/"))


def _is_own(path: str) -> bool:
    return path.partition("/")[2].partition("/")[0] in OWN_PATHS


class Proxied:
    """ASGI app around another: it sees requests as they were before a proxy passed them on.

    Args:
        root_path: the sub-path below which users reach this master, as `parse_root_path` gives it; a proxy may leave it
            in the path or take it away.
        trusted: addresses and networks of proxies, as `parse_proxies` gives them.
    """

    def __init__(self, app: ASGIApp, root_path: str, trusted: list[str]) -> None:
        self._root_path = root_path
        self._with_sender = ProxyHeadersMiddleware(app, trusted)  # type: ignore[arg-type]
        self._trusted = self._with_sender.trusted_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        root_path = self._root_path
        client = scope.get("client")
        if client is not None and client[0] in self._trusted:
            told = {name: value.decode("latin-1") for name, value in scope["headers"]}
            prefix = told.get(b"x-forwarded-prefix", "").rstrip("/")
            if prefix and _is_path(prefix) and not _is_own(prefix):
                root_path = prefix
            host = told.get(b"x-forwarded-host", "").partition(",")[0].strip()
            done: tuple[bytes, ...] = (b"x-forwarded-prefix", b"x-forwarded-host")
            headers = [pair for pair in scope["headers"] if not pair[0].startswith(done)]
            scope = {**scope, PROXIED: True}
            if _HOST.fullmatch(host):
                headers = [pair for pair in headers if pair[0] != b"host"] + [(b"host", host.encode())]
        else:
            headers = [pair for pair in scope["headers"] if not pair[0].startswith(_FORWARDED)]
        scope = {**scope, "headers": headers}
        await self._with_sender(_below(scope, root_path), receive, send)  # type: ignore[arg-type]


def _below(scope: Scope, root_path: str) -> Scope:
    """A request with its whole path, as the user's browser has it."""
    path, raw = scope["path"], scope["raw_path"]
    if not root_path:
        return scope
    if path == root_path:
        path, raw = path + "/", raw + b"/"
    elif not path.startswith(root_path + "/"):
        path, raw = root_path + path, root_path.encode() + raw
    return {**scope, "root_path": root_path, "path": path, "raw_path": raw}
