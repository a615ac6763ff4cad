"""The head of a request: its path within the API, and its headers."""

from __future__ import annotations

from collections import Counter

from starlette.types import Scope

from manyeyes.errors import BadRequest

_SINGLE = (b"authorization", b"content-length", b"content-type", b"host", b"idempotency-key", b"traceparent")
"""Headers that have one value."""


def path_of(scope: Scope) -> str:
    """A request's path without the sub-path below which a proxy serves this master."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root + "/") else path


def root_of(scope: Scope) -> str:
    """The sub-path below which a proxy serves this master; empty: none."""
    root: str = scope.get("app_root_path", scope.get("root_path", ""))
    return root


def headers_of(scope: Scope) -> dict[str, str]:
    """A request's headers, names in lower case; several of one name are joined, as HTTP has it."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in found:
            value = f"{found[name]}{'; ' if name == 'cookie' else ', '}{value}"
        found[name] = value
    return found


def check_single(scope: Scope) -> None:
    """Refuse a request of which two readers could read different things.

    Raises:
        BadRequest: a header that has one value comes several times.
    """
    counts = Counter(name for name, _ in scope["headers"])
    for name in _SINGLE:
        if counts[name] > 1:
            raise BadRequest(f"the header {name.decode().title()} comes {counts[name]} times; send it once")


def takes_gzip(headers: dict[str, str]) -> bool:
    """Whether the caller can read an answer that is compressed so."""
    for coding in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = coding.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
