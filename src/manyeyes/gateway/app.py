"""The HTTP face of a master: FastAPI routes under /v1, problem details for every error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import Receive, Scope, Send

from manyeyes.errors import BadRequest, ManyeyesError, NotAllowed, NotSignedIn
from manyeyes.fleet.admission import new_token_id
from manyeyes.gateway.auth import CREDENTIAL, AuthMiddleware
from manyeyes.gateway.body_bytes import CountBytes
from manyeyes.gateway.problems import http_problem, problem, unexpected
from manyeyes.gateway.recognize import (
    COMPRESS_LEVEL,
    LEAST_COMPRESSED_BYTES,
    Recognize,
    describe_recognize,
    is_picture,
)
from manyeyes.gateway.routes.commands import add_orders
from manyeyes.gateway.routes.faces import add_faces
from manyeyes.gateway.routes.health import add_health
from manyeyes.gateway.routes.keys import add_keys
from manyeyes.gateway.routes.logs import add_logs
from manyeyes.gateway.routes.monitoring import add_watching
from manyeyes.gateway.routes.nodes import add_nodes
from manyeyes.gateway.routes.people import add_people
from manyeyes.gateway.routes.recent import add_recent
from manyeyes.gateway.routes.sessions import add_sessions
from manyeyes.identity import ROLES
from manyeyes.master.composition import Master
from manyeyes.monitoring.monitor import VERSION

_NOT_COMPRESSED = (
    *DEFAULT_EXCLUDED_CONTENT_TYPES,
    "image/*",
    "multipart/*",
    "application/octet-stream",
    "application/x-ndjson",
)
"""Pictures and what holds one, chunks of files, and answers that are read while they come."""


class TokenRequest(BaseModel):
    """How long a join token is to be good for."""

    expires_s: float = Field(3600, ge=1, le=30 * 86400)
    approve: bool = False
    """Whether a person must approve each node that joins with it."""


class _App(FastAPI):
    """The framework, with pictures answered in front of it."""

    def __init__(self, recognize: Recognize) -> None:
        super().__init__(title="manyeyes", version=VERSION, docs_url=None, redoc_url=None)
        self._recognize = recognize

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_picture(scope):
            await self._recognize(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def make_app(master: Master) -> FastAPI:
    """The gateway's app over a running master."""
    app = _App(Recognize(master))
    app.add_middleware(
        GZipMiddleware,
        minimum_size=LEAST_COMPRESSED_BYTES,
        compresslevel=COMPRESS_LEVEL,
        exclude_content_types=_NOT_COMPRESSED,
    )
    app.add_middleware(
        AuthMiddleware,
        caller_of=master.sessions.caller,
        may_sign_in=master.sessions.may_sign_in,
    )
    app.add_middleware(CountBytes, metrics=master.monitor.metrics)
    _add_error_handlers(app)
    describe_recognize(app)
    add_people(app, master, [Depends(_role(master, "operator"))])
    add_nodes(app, master, Depends(_role(master, "operator")))
    add_orders(app, master, Depends(_role(master, "operator")), Depends(_role(master, "admin")))
    add_logs(app, master, Depends(_role(master, "operator")), Depends(_role(master, "user")))
    add_keys(app, master.keys, master.admission.ca_pem, Depends(_role(master, "admin")))
    add_sessions(app, master.sessions)
    add_faces(app, master.faces, Depends(_role(master, "operator")), Depends(_role(master, "admin")))
    add_recent(app, master.recent, Depends(_role(master, "user")))
    user, operator, admin = (Depends(_role(master, least)) for least in ROLES)
    add_health(app, master, user)
    add_watching(app, master, user, operator, admin)
    _add_operations(app, master)
    return app


def _add_error_handlers(app: FastAPI) -> None:
    @app.exception_handler(ManyeyesError)
    async def known(_: Request, error: ManyeyesError) -> Response:
        return problem(error)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(BadRequest(f"{where}: {first['msg']}"))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        return http_problem(error)

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> Response:
        return unexpected(request.url.path, error)


def _role(master: Master, least: str) -> Callable[..., Awaitable[str]]:
    async def check(request: Request) -> str:
        # a body may come long after the head that was let in, and the key be revoked in between
        caller = master.sessions.caller(request.scope[CREDENTIAL])
        if caller is None:
            raise NotSignedIn("this API key or session has just been revoked; sign in with another")
        who, role = caller.name, caller.role
        if ROLES.index(role) < ROLES.index(least):
            what, node = _asked_for(request)
            master.audit.refused(who, what, node=node, detail=f"the key's role is {role}, {least} is needed")
            raise NotAllowed(f"this key's role is {role}, at least {least} is needed")
        return who

    return check


_KINDS = {"put": "put", "read": "get"}


def _asked_for(request: Request) -> tuple[str, str]:
    """What a request is called in the audit log, and of which node."""
    parts = request.url.path.removeprefix("/v1/").split("/")
    if parts[0] == "nodes" and len(parts) == 3:
        kind = request.query_params.get("kind", "")
        return (_KINDS.get(kind, "files") if parts[2] == "files" else parts[2]), parts[1]
    return {"tokens": "token"}.get(parts[0], f"{request.method} {parts[0]}"), "/".join(parts[1:])


def _add_operations(app: FastAPI, master: Master) -> None:
    @app.get("/v1/status", dependencies=[Depends(_role(master, "user"))])
    async def status() -> dict[str, Any]:
        """The whole in a few figures."""
        return master.monitor.status()

    admin = Depends(_role(master, "admin"))

    @app.post("/v1/tokens")
    async def token(body: TokenRequest, who: str = admin) -> dict[str, Any]:
        """A join token."""
        token_id = new_token_id()
        detail = f"{token_id}, good for {body.expires_s:.0f} s" + (", with approval" if body.approve else "")
        master.audit.record(who, "token", outcome="made", detail=detail)
        text, expires_at = master.admission.create_token(
            body.expires_s, approve=body.approve, token_id=token_id
        )
        when = expires_at.astimezone(UTC).isoformat(timespec="seconds")
        return {"token": text, "id": token_id, "expires_at": when}
