"""Turns errors into HTTP answers: problem details, RFC 9457."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from manyeyes.api.problems import Problem
from manyeyes.errors import ManyeyesError
from manyeyes.gateway.described_content import content_of
from manyeyes.telemetry import log

MEDIA_TYPE = "application/problem+json"


def failures(*errors: type[ManyeyesError]) -> dict[int | str, dict[str, Any]]:
    """A route's own errors, for the description of the API: codes by HTTP status."""
    codes: dict[int | str, list[str]] = {}
    for error in errors:
        codes.setdefault(error.http_status, []).append(error.code)
    content = content_of(Problem, MEDIA_TYPE)
    return {
        status: {"description": ", ".join(some), "content": content}
        for status, some in sorted(codes.items(), key=lambda pair: int(pair[0]))
    }


def problem(error: ManyeyesError) -> Response:
    """The answer for an error of manyeyes."""
    headers = {}
    if error.retryable:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s or 1)))
    if error.http_status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error.as_problem(), error.http_status, headers=headers, media_type=MEDIA_TYPE)


def unexpected(path: str, error: Exception) -> Response:
    """The answer for an unexpected error: the details are in the log only."""
    log().error("request failed", path=path, error=repr(error))
    return problem(ManyeyesError("the request failed inside the master; its log says why"))


def http_problem(error: HTTPException, method: str = "", allowed: Sequence[str] = ()) -> Response:
    """The answer for an error of the framework: unknown path or method, a form that cannot be read.

    Args:
        method, allowed: of a request whose path does not have its method, and those that it has.
    """
    said = error.detail
    if allowed:
        said += f": {method} was sent, this path has {', '.join(allowed)}"
    body = {
        "type": "about:blank",
        "title": error.detail,
        "status": error.status_code,
        "detail": f"{said}; the API is under /v1, with an API key; /openapi.json describes it",
        "code": "http",
        "retryable": False,
    }
    headers = {"Allow": ", ".join(allowed)} if allowed else error.headers
    return JSONResponse(body, error.status_code, headers=headers, media_type=MEDIA_TYPE)
