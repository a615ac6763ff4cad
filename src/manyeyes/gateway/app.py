"""The HTTP face of a master: FastAPI routes under /v1, problem details for every error."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from manyeyes.dispatch.trace import PictureTrace, following
from manyeyes.errors import BadRequest, ManyeyesError, NotAllowed, NotSignedIn, TooManyBytes
from manyeyes.gateway.counting import CountBytes
from manyeyes.gateway.doorkeeper import CREDENTIAL, Doorkeeper
from manyeyes.gateway.faces import add_faces
from manyeyes.gateway.health import add_health
from manyeyes.gateway.keys import add_keys
from manyeyes.gateway.logs import add_logs, sender_of
from manyeyes.gateway.nodes import add_nodes
from manyeyes.gateway.orders import add_orders
from manyeyes.gateway.people import add_people
from manyeyes.gateway.recent import add_recent
from manyeyes.gateway.sessions import add_sessions
from manyeyes.gateway.watching import add_watching
from manyeyes.identity import ROLES
from manyeyes.master.admission import new_token_id
from manyeyes.master.lookout import VERSION
from manyeyes.master.service import Master
from manyeyes.recognition.pictures.probe import probe
from manyeyes.results import Result
from manyeyes.telemetry import log
from manyeyes.traces import trace_of

_LEAST_COMPRESSED_BYTES = 1400
"""What is smaller fits one packet as it is."""
_COMPRESS_LEVEL = 1
_NOT_COMPRESSED = (
    *DEFAULT_EXCLUDED_CONTENT_TYPES,
    "image/*",
    "multipart/*",
    "application/octet-stream",
    "application/x-ndjson",
)
"""Pictures and what holds one, chunks of files, and answers that are read while they come."""


class TokenWish(BaseModel):
    """How long a join token is to be good for."""

    expires_s: float = Field(3600, ge=1, le=30 * 86400)
    approve: bool = False
    """Whether a person must approve each node that joins with it."""


def problem(error: ManyeyesError) -> Response:
    """An error as RFC 9457 has it."""
    headers = {}
    if error.retryable:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s or 1)))
    if error.http_status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        error.as_problem(), error.http_status, headers=headers, media_type="application/problem+json"
    )


def make_app(master: Master) -> FastAPI:
    """The gateway's app over a running master."""
    app = FastAPI(title="manyeyes", version=VERSION, docs_url=None, redoc_url=None)
    app.add_middleware(
        GZipMiddleware,
        minimum_size=_LEAST_COMPRESSED_BYTES,
        compresslevel=_COMPRESS_LEVEL,
        exclude_content_types=_NOT_COMPRESSED,
    )
    app.add_middleware(
        Doorkeeper,
        known=lambda credential: master.role_of(credential) is not None,
        may_sign_in=lambda credential: master.sign_ins.may_sign_in(credential),
        refuse=problem,
    )
    app.add_middleware(CountBytes, metrics=master.lookout.metrics)
    _add_error_handlers(app)
    _add_pictures(app, master)
    add_people(app, master, [Depends(_role(master, "operator"))])
    add_nodes(app, master, Depends(_role(master, "operator")))
    add_orders(app, master, Depends(_role(master, "operator")), Depends(_role(master, "admin")))
    add_logs(app, master, Depends(_role(master, "operator")), Depends(_role(master, "user")))
    add_keys(app, master.keys, master.ca_pem, Depends(_role(master, "admin")))
    add_sessions(app, master.sign_ins)
    add_faces(app, master.faces, Depends(_role(master, "operator")), Depends(_role(master, "admin")))
    add_recent(app, master.recent, Depends(_role(master, "user")), master.role_of)
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
        body = {
            "type": "about:blank",
            "title": error.detail,
            "status": error.status_code,
            "detail": f"{error.detail}; the API is under /v1, described by /openapi.json",
            "code": "http",
            "retryable": False,
        }
        return JSONResponse(body, error.status_code, media_type="application/problem+json")

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> Response:
        log().error("request failed", path=request.url.path, error=repr(error))
        return problem(ManyeyesError("the request failed inside the master; its log says why"))


def _role(master: Master, least: str) -> Callable[..., Awaitable[str]]:
    async def check(request: Request) -> str:
        credential = request.scope[CREDENTIAL]
        role = master.role_of(credential)
        if role is None:
            raise NotSignedIn("this API key or session has just been revoked; sign in with another")
        who = master.key_name(credential)
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


async def _read_body(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(int(declared), limit)
    parts, seen = [], 0
    async for part in request.stream():
        seen += len(part)
        if seen > limit:
            raise _too_large(seen, limit)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(seen: int, limit: int) -> TooManyBytes:
    return TooManyBytes(
        f"picture has {seen / 1e6:.1f} MB or more, the limit is {limit / 1e6:.1f}; "
        "shrink it or raise MANYEYES_LIMITS_MAX_PICTURE_BYTES on the master"
    )


async def _picture_of(request: Request, limit: int) -> bytes:
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        declared = request.headers.get("content-length", "")
        if not declared.isdigit() or int(declared) > limit + 65536:
            raise _too_large(int(declared or 0), limit)
        async with request.form(max_files=1) as form:
            upload = form.get("picture")
            if not isinstance(upload, UploadFile):
                raise BadRequest(
                    "the form has no file field 'picture'; add it, or send the picture as raw body"
                )
            return await upload.read()
    return await _read_body(request, limit)


def _predicted_type(result: Result) -> str:
    """A pack that does not name it gives the picture back as it came."""
    return result.predicted_media_type or result.media_type


def _mixed(result: Result, picture: bytes) -> Response:
    """Result and predicted picture in one multipart/mixed body; every part tells its length."""
    boundary = f"manyeyes-{secrets.token_hex(12)}"
    head = result.model_dump_json().encode()
    body = b"".join(
        (
            f"--{boundary}\r\nContent-Type: application/json\r\nContent-Length: {len(head)}\r\n\r\n".encode(),
            head,
            f"\r\n--{boundary}\r\nContent-Type: {_predicted_type(result)}\r\n"
            f"Content-Length: {len(picture)}\r\n\r\n".encode(),
            picture,
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )
    return Response(body, media_type=f"multipart/mixed; boundary={boundary}")


def _answer(result: Result, picture: bytes, *, mixed: bool, image: bool) -> Response:
    if mixed:
        return _mixed(result, picture)
    if image:
        return Response(picture, media_type=_predicted_type(result))
    return Response(result.model_dump_json(), media_type="application/json")


def _add_pictures(app: FastAPI, master: Master) -> None:
    limits = master.limits

    user = Depends(_role(master, "user"))

    @app.post("/v1/recognize", response_model=Result)
    async def recognize(
        request: Request,
        who: str = user,
        accept: Annotated[str, Header()] = "application/json",
        idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
        traceparent: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Recognise the picture in the body; `Accept` chooses JSON, the predicted picture, or both.

        `traceparent` (W3C) names the trace that the picture belongs to; without one it gets a fresh one. The answer
        has it too, and `/v1/traces/ID` shows the picture's whole way.
        """
        mixed, image = "multipart/mixed" in accept, "image/" in accept
        trace = PictureTrace(
            time.monotonic(), trace_of(traceparent), sender=sender_of(master, request), draw=mixed or image
        )
        with following(trace):
            with master.lookout.meter.refusals():
                data = await _picture_of(request, limits.max_picture_bytes)
                info = probe(data, max_bytes=limits.max_picture_bytes, max_megapixels=limits.max_megapixels)
            trace.accepted(len(data), info.media_type, time.monotonic())
            found = await master.recognize(data, draw=trace.draw, key=idempotency_key, trace=trace)
            response = _answer(found.result, found.picture, mixed=mixed, image=image)
        response.headers["traceparent"] = replace(trace.trace, trace_id=found.trace_id).traceparent
        return response


def _add_operations(app: FastAPI, master: Master) -> None:
    @app.get("/v1/status", dependencies=[Depends(_role(master, "user"))])
    async def status() -> dict[str, Any]:
        """The whole in a few figures."""
        return master.status(VERSION)

    admin = Depends(_role(master, "admin"))

    @app.post("/v1/tokens")
    async def token(wish: TokenWish, who: str = admin) -> dict[str, Any]:
        """A join token."""
        token_id = new_token_id()
        detail = f"{token_id}, good for {wish.expires_s:.0f} s" + (", with approval" if wish.approve else "")
        master.audit.record(who, "token", outcome="made", detail=detail)
        text, expires_at = master.admission.create_token(
            wish.expires_s, approve=wish.approve, token_id=token_id
        )
        when = expires_at.astimezone(UTC).isoformat(timespec="seconds")
        return {"token": text, "id": token_id, "expires_at": when}
