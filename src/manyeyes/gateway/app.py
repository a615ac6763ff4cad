"""The HTTP interface of a master: FastAPI routes under /v1, problem details for every error."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from manyeyes.errors import BadRequest, ManyeyesError
from manyeyes.gateway.auth import AuthMiddleware, unread
from manyeyes.gateway.body_bytes import CountBytes
from manyeyes.gateway.description import completed
from manyeyes.gateway.forms import unreadable_form
from manyeyes.gateway.http_methods import HttpMethods, methods_at, without_last_slash
from manyeyes.gateway.jsonlines import MEDIA_TYPE as JSON_LINES
from manyeyes.gateway.problems import http_problem, problem, unexpected
from manyeyes.gateway.recognize import COMPRESS_LEVEL, LEAST_COMPRESSED_BYTES, Recognize, is_picture
from manyeyes.gateway.request_head import check_single, headers_of, path_of, takes_gzip
from manyeyes.gateway.routes import (
    commands,
    faces,
    feedback,
    health,
    keys,
    logs,
    merges,
    monitoring,
    nodes,
    people,
    recent,
    recognize,
    sessions,
)
from manyeyes.master.composition import Master
from manyeyes.version import VERSION

_NOT_COMPRESSED = (
    *DEFAULT_EXCLUDED_CONTENT_TYPES,
    "image/*",
    "multipart/*",
    "application/octet-stream",
    JSON_LINES,
)
"""Pictures and what holds one, chunks of files, and answers that are read while they come."""


_TOPICS = (
    recognize,
    people,
    merges,
    feedback,
    faces,
    nodes,
    commands,
    monitoring,
    logs,
    recent,
    keys,
    sessions,
    health,
)


class _Gzip(GZipMiddleware):
    """Compresses answers for callers that can read it; the class that it is made of takes `gzip;q=0` for a yes too."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not takes_gzip(headers_of(scope)):
            pairs = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
            scope = {**scope, "headers": pairs}
        await super().__call__(scope, receive, send)


class Gateway(FastAPI):
    """The FastAPI app; requests for recognition are answered before they reach the framework.

    Args:
        master: the master that routes use; None if only the description of the API is needed.
    """

    def __init__(self, master: Master | None = None) -> None:
        super().__init__(title="manyeyes", version=VERSION, docs_url=None, redoc_url=None)
        self.state.master = master
        self._recognize = None if master is None else Recognize(master)
        self.of_api: list[BaseRoute] = list(self.routes)
        """The routes of the API, and of its description."""
        for topic in _TOPICS:
            self.include_router(topic.router)
            self.of_api += topic.router.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            try:
                check_single(scope)
            except BadRequest as error:
                await unread(error)(scope, receive, send)
                return
            if scope["path"].endswith("/"):
                scope = without_last_slash(scope, self.of_api)
        if self._recognize is not None and is_picture(scope):
            await self._recognize(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The content of /openapi.json."""
        if self.openapi_schema is None:
            self.openapi_schema = completed(super().openapi())
        return self.openapi_schema


def make_app(master: Master) -> Gateway:
    """The gateway's app over a running master."""
    app = Gateway(master)
    app.add_middleware(
        _Gzip,
        minimum_size=LEAST_COMPRESSED_BYTES,
        compresslevel=COMPRESS_LEVEL,
        exclude_content_types=_NOT_COMPRESSED,
    )
    app.add_middleware(
        AuthMiddleware,
        caller_of=master.sessions.caller,
        may_sign_in=master.sessions.may_sign_in,
        audit=master.audit,
    )
    app.add_middleware(CountBytes, metrics=master.monitor.metrics)
    app.add_middleware(HttpMethods, routes=app.of_api)
    _add_error_handlers(app)
    return app


def _add_error_handlers(app: Gateway) -> None:
    @app.exception_handler(ManyeyesError)
    async def known(_: Request, error: ManyeyesError) -> Response:
        return problem(error)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "string_too_short" and first["input"] == "":
            return problem(BadRequest(f"{where} is empty; give it a value"))
        return problem(BadRequest(f"{where}: {first['msg']}"))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400:  # of the framework's own readers of bodies
            return problem(unreadable_form(error.detail))
        return http_problem(
            error,
            request.method,
            methods_at(app.of_api, path_of(request.scope)) if error.status_code == 405 else (),
        )

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: Exception) -> Response:
        return Response(status_code=499)  # nobody reads it

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> Response:
        return unexpected(request.url.path, error)
