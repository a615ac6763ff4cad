"""The error that an answer means: the master's own, by its problem document, or that of a proxy in front of it. No I/O."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from manyeyes.error_codes import from_code, is_code
from manyeyes.errors import ManyeyesError, TooManyBytes, Unavailable, WrongAddress
from manyeyes.plain_text import plain

_BY_STATUS = {
    400: "bad-request",
    401: "not-signed-in",
    403: "not-allowed",
    406: "not-acceptable",
    408: "slow-upload",
    429: "busy",
}
_SHOWN_CHARACTERS = 200
SUB_PATH = "Behind a proxy, a sub-path belongs to it: https://HOST/PATH"
"""What to do about an address where no master answers."""


def problem(response: httpx.Response, master: str) -> ManyeyesError:
    """The error of an answer that is no success.

    Args:
        master: the master's address, as the context has it.
    """
    retry_after_s = _retry_after_s(response.headers.get("Retry-After"))
    document = _document(response)
    if document is None:
        error = _of_a_proxy(response, master, retry_after_s)
    else:
        code = str(document.get("code", ""))
        detail = str(
            document.get("detail") or f"the master answered {_status(response)} to {_path(response)}"
        )
        if code == "http" and response.status_code == 404 and (path := urlsplit(master).path.rstrip("/")):
            return WrongAddress(
                f"the master does not know {_path(response)}: start it with --root-path {path}, "
                f"or leave {path} out of its address, {master}; are both sides of one version?"
            )
        error = from_code(
            code if is_code(code) else _by_status(response.status_code), detail, retry_after_s=retry_after_s
        )
        if isinstance(document.get("trace_id"), str):
            error.trace_id = document["trace_id"]
    says_retry = document is not None and document.get("retryable") is True
    if (says_retry or response.status_code in (429, 503)) and not error.retryable:
        unavailable = Unavailable(error.detail, retry_after_s=retry_after_s)
        unavailable.trace_id = error.trace_id
        return unavailable
    return error


def is_of_proxy(response: httpx.Response) -> bool:
    """Whether a refusal has no problem document, as every refusal of a master has."""
    return _document(response) is None


def is_away(response: httpx.Response) -> bool:
    """Whether a proxy says that it does not reach the master."""
    return response.status_code in (502, 503) and is_of_proxy(response)


def check_is_of_master(response: httpx.Response, master: str) -> None:
    """Refuse a page for people, and an answer of nothing: masters answer calls with JSON or pictures.

    Raises:
        WrongAddress: it is one.
    """
    media_type = response.headers.get("Content-Type", "").lower()
    is_nothing = response.status_code == 200 and response.headers.get("Content-Length") == "0"
    if media_type.startswith("text/html") or (is_nothing and not media_type):
        what = "a page for people" if media_type else "an empty page"
        raise WrongAddress(
            f"{master} answers {_path(response)} with {what}{_server(response)}; is it the address of a master? {SUB_PATH}"
        )


def _of_a_proxy(response: httpx.Response, master: str, retry_after_s: float | None) -> ManyeyesError:
    """Of an answer that no master gives."""
    status = response.status_code
    said = f"a proxy or another program at {master} answered {_status(response)} to {_path(response)}{_server(response)}"
    if 300 <= status < 400:
        return WrongAddress(
            f"{said}: it sends callers on to {_target(response)}; use that address (MANYEYES_MASTER)"
        )
    if status == 413:
        sent = response.request.headers.get("Content-Length", "")
        size = f" for a body of {int(sent) / 1e6:.1f} MB" if sent.isdigit() else ""
        return TooManyBytes(
            f"{said}{size}; raise its limit, in nginx client_max_body_size, which is 1 MB by default"
        )
    if status == 504:
        said += ": the answer took longer than it waits; raise its time limit, in nginx proxy_read_timeout"
    elif status in (502, 503):
        said += ": it does not reach the master; is 'manyeyes up' running there?"
    elif 400 <= status < 500 and status not in _BY_STATUS:
        return WrongAddress(f"{said}; is the address right, and does the proxy pass this path on?")
    return from_code(_by_status(status), said, retry_after_s=retry_after_s)


def _by_status(status: int) -> str:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        return "bad-request"
    return "unavailable" if status > 500 else "internal"


def _document(response: httpx.Response) -> dict[str, Any] | None:
    try:
        found = response.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _target(response: httpx.Response) -> str:
    """Where a redirect leads to, without the path of the call where it is the same there."""
    location = str(response.request.url.join(response.headers.get("Location", "")))
    asked = response.request.url.raw_path.decode("latin-1")
    for ending in (asked, asked[asked.find("/v1/") :] if "/v1/" in asked else asked):
        location = location.removesuffix(ending)
    return plain(location, _SHOWN_CHARACTERS)


def _status(response: httpx.Response) -> str:
    return plain(f"{response.status_code} {response.reason_phrase}", _SHOWN_CHARACTERS)


def _path(response: httpx.Response) -> str:
    return plain(response.request.url.path, _SHOWN_CHARACTERS)


def _server(response: httpx.Response) -> str:
    name = plain(response.headers.get("Server", ""), 60).strip()
    return f" ({name})" if name else ""


def _retry_after_s(header: str | None) -> float | None:
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
