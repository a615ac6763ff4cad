"""POST /v1/recognize, answered in front of the framework: what each picture costs is spent here.

No routing, no dependencies, no middleware: who asks, the body, the master's answer, and that in one piece. Every
other request goes on to the framework, which describes this route too: `routes/recognize.py`.
"""

from __future__ import annotations

import asyncio
import os
import time
import zlib
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from manyeyes.access.sessions import Caller
from manyeyes.api.videos import Still
from manyeyes.dispatch.trace import PictureTrace, Sender, following
from manyeyes.errors import BadRequest, ManyeyesError, TooManyBytes
from manyeyes.gateway.auth import authenticated, refused
from manyeyes.gateway.body_bytes import at_most, counted
from manyeyes.gateway.forms import missing_field, unreadable_form, with_end_seen
from manyeyes.gateway.negotiation import JSON, MIXED, check_fits, chosen
from manyeyes.gateway.problems import http_problem, problem, unexpected
from manyeyes.gateway.request_head import headers_of, path_of, root_of, takes_gzip
from manyeyes.master.composition import Master
from manyeyes.recognition.pictures.probe import probe
from manyeyes.traces import Trace, trace_of

PATH = "/v1/recognize"
LEAST_COMPRESSED_BYTES = 1400
"""A smaller answer is not compressed: it fits into one packet."""
COMPRESS_LEVEL = 1
_OFF_THE_LOOP_BYTES = 64 * 1024
"""From this size on, compressing takes over a millisecond and is done in a thread."""
MAX_KEY_CHARACTERS = 200
_FORM_BYTES = 65536
"""The most bytes of a form beside its picture."""
_STILL = frozenset(Still.model_fields)
_JSON, _GZIP = JSON.encode(), 16 + zlib.MAX_WBITS

Headers = list[tuple[bytes, bytes]]


def is_picture(scope: Scope) -> bool:
    """Whether a request is one that `Recognize` answers."""
    is_post: bool = scope["type"] == "http" and scope["method"] == "POST"
    return is_post and path_of(scope) == PATH


class Recognize:
    """ASGI app that answers pictures, and nothing else."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self._limits = master.limits
        self._metrics = master.monitor.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a picture; what nobody expects is answered too, and raised for the server to log."""
        receive, send = counted(receive, send, self._metrics)
        try:
            status, headers, body = await self._answer(scope, receive)
        except ClientDisconnect:
            return  # nobody waits for an answer
        except Exception as error:
            await unexpected(PATH, error)(scope, receive, send)
            raise
        start: Message = {"type": "http.response.start", "status": status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, Headers, bytes]:
        given = headers_of(scope)
        try:
            _, caller = authenticated("POST", given, self._master.sessions.caller, root_of(scope))
        except ManyeyesError as error:
            return _parts(refused(error, scope, self._master.audit))
        try:
            status, (headers, body) = 200, await self._recognized(scope, receive, given, caller)
        except ManyeyesError as error:
            status, headers, body = _parts(problem(error))
        except HTTPException as error:
            status, headers, body = _parts(http_problem(error))
        if len(body) >= LEAST_COMPRESSED_BYTES and dict(headers)[b"content-type"].endswith(b"json"):
            headers.append((b"vary", b"Accept-Encoding"))
            if takes_gzip(given):
                headers, body = await _compressed(headers, body)
        return status, headers, body

    async def _recognized(
        self, scope: Scope, receive: Receive, given: dict[str, str], caller: Caller
    ) -> tuple[Headers, bytes]:
        master, limits = self._master, self._limits
        accept, key = given.get("accept", ""), given.get("idempotency-key")
        still = still_of(scope["query_string"])
        if key is not None and len(key) > MAX_KEY_CHARACTERS:
            raise BadRequest(
                f"header.idempotency-key: String should have at most {MAX_KEY_CHARACTERS} characters"
            )
        trace = trace_of(given.get("traceparent", ""))
        sender = Sender(caller.name, caller.key_id)
        began_s = time.monotonic()
        with following(PictureTrace(began_s, trace, sender=sender, draw=False)) as told:
            with master.monitor.recorder.refusals():
                data = await _picture_of(scope, receive, given, limits.max_picture_bytes)
                told.size_bytes = len(data)
                info = probe(data, max_bytes=limits.max_picture_bytes, max_megapixels=limits.max_megapixels)
            answer_with = chosen(accept, info.media_type)
            told.draw = answer_with != JSON
            told.accepted(len(data), info.media_type, time.monotonic())
            found = await master.recognition.recognize(data, draw=told.draw, key=key, trace=told, still=still)
        picture_type = found.result.predicted_media_type or found.result.media_type
        if answer_with == MIXED:
            media_type, body = _mixed(found.result_json, found.picture, picture_type.encode("latin-1"))
        elif answer_with == JSON:
            media_type, body = _JSON, found.result_json
        else:
            check_fits(accept, picture_type)
            media_type, body = picture_type.encode("latin-1"), found.picture
        return [
            (b"content-length", b"%d" % len(body)),
            (b"content-type", media_type),
            (b"traceparent", Trace(found.trace_id, trace.span_id).traceparent.encode()),
        ], body


def still_of(query: bytes) -> Still | None:
    """Which still of a video the picture is, as the query says; None if it says nothing of a video.

    Raises:
        BadRequest: it says it wrongly.
    """
    given = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)) if query else {}
    if not given.keys() & _STILL:
        return None
    try:
        return Still.model_validate({name: value for name, value in given.items() if name in _STILL})
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(f"query.{first['loc'][0]}: {first['msg']}") from error


def _parts(response: Response) -> tuple[int, Headers, bytes]:
    return response.status_code, response.raw_headers, bytes(response.body)


def _mixed(head: bytes, picture: bytes, picture_type: bytes) -> tuple[bytes, bytes]:
    """Result and predicted picture in one multipart/mixed body; every part tells its length."""
    boundary = b"manyeyes-" + os.urandom(12).hex().encode()
    body = b"".join(
        (
            b"--%b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (boundary, len(head)),
            head,
            b"\r\n--%b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
            % (boundary, picture_type, len(picture)),
            picture,
            b"\r\n--%b--\r\n" % boundary,
        )
    )
    return b"multipart/mixed; boundary=" + boundary, body


async def _picture_of(scope: Scope, receive: Receive, given: dict[str, str], limit: int) -> bytes:
    is_form = given.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data"
    most = limit + _FORM_BYTES if is_form else limit
    bounded = at_most(receive, given.get("content-length", ""), most, lambda seen: _too_large(seen, limit))
    if not is_form:
        return await _whole_body(bounded)
    remembered, is_whole = with_end_seen(bounded)
    try:
        async with Request(scope, remembered).form(max_files=1) as form:
            upload = form.get("picture")
            if not isinstance(upload, UploadFile):
                raise missing_field(
                    is_whole(),
                    "the form has no file field 'picture'; add it, or send the picture as raw body",
                )
            return await upload.read()
    except MultiPartException as error:
        raise unreadable_form(error.message) from error


async def _whole_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(seen: int, limit: int) -> TooManyBytes:
    return TooManyBytes(
        f"picture has {seen / 1e6:.1f} MB or more, the limit is {limit / 1e6:.1f}; "
        "shrink it or raise MANYEYES_LIMITS_MAX_PICTURE_BYTES on the master"
    )


async def _compressed(headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    if len(body) >= _OFF_THE_LOOP_BYTES:
        body = await asyncio.to_thread(_gzipped, body)
    else:
        body = _gzipped(body)
    headers = [pair for pair in headers if pair[0] != b"content-length"]
    headers += [(b"content-encoding", b"gzip"), (b"content-length", b"%d" % len(body))]
    return headers, body


def _gzipped(body: bytes) -> bytes:
    return zlib.compress(body, COMPRESS_LEVEL, _GZIP)
