"""The description of POST /v1/recognize, which `manyeyes.gateway.recognize` answers before the framework is asked."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query

from manyeyes.api.videos import MAX_ID_CHARACTERS, MAX_VIDEO_CHARACTERS, MAX_VIDEO_S
from manyeyes.errors import (
    Busy,
    DamagedPicture,
    EmptyPicture,
    IdempotencyMismatch,
    NotAcceptable,
    NotAPicture,
    PictureKillsWorkers,
    SlowUpload,
    TooManyBytes,
    TooManyPixels,
    Unavailable,
    UnsupportedFormat,
)
from manyeyes.gateway.dependencies import USER, Traceparent
from manyeyes.gateway.described_content import BINARY
from manyeyes.gateway.problems import failures
from manyeyes.gateway.recognize import MAX_KEY_CHARACTERS, PATH
from manyeyes.results import Result

router = APIRouter(tags=["recognising pictures"])
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/octet-stream": BINARY,
        "multipart/form-data": {
            "schema": {"type": "object", "required": ["picture"], "properties": {"picture": BINARY["schema"]}}
        },
    },
}
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "By `Accept`: the result as JSON (the default), the predicted picture (`image/*`), or both "
        "(`multipart/mixed`: the result, then the picture; each part states its length).",
        "content": {"image/*": BINARY, "multipart/mixed": BINARY},
    }
}


@router.post(
    PATH,
    dependencies=[USER],
    openapi_extra={"requestBody": _BODY},
    responses={
        **_ANSWER,
        **failures(
            EmptyPicture,
            NotAPicture,
            UnsupportedFormat,
            DamagedPicture,
            TooManyPixels,
            TooManyBytes,
            PictureKillsWorkers,
            IdempotencyMismatch,
            NotAcceptable,
            SlowUpload,
            Busy,
            Unavailable,
        ),
    },
)
async def recognize(
    accept: Annotated[str, Header(description="What to answer with.")] = "application/json",
    idempotency_key: Annotated[
        str | None, Header(max_length=MAX_KEY_CHARACTERS, description="Names this sending of the picture.")
    ] = None,
    traceparent: Traceparent = None,
    video: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=MAX_VIDEO_CHARACTERS,
            description="Of a still: the name of its video, for the recent videos; `time_s` is then needed, too.",
        ),
    ] = None,
    time_s: Annotated[
        float | None, Query(ge=0, le=MAX_VIDEO_S, description="Of a still: when it is shown in its video.")
    ] = None,
    every_s: Annotated[
        float, Query(gt=0, le=MAX_VIDEO_S, description="Of a still: the time to the next one.")
    ] = 2.0,
    video_id: Annotated[
        str,
        Query(
            max_length=MAX_ID_CHARACTERS, description="Of a still: tells videos of one name apart; any text."
        ),
    ] = "",
) -> Result:
    """Recognise the picture in the body; `Accept` chooses JSON, the predicted picture, or both.

    A picture that is sent again under the same `Idempotency-Key` is not computed twice. `traceparent` (W3C) names
    the trace that the picture belongs to; without one it gets a fresh one. The answer has it too, and
    `/v1/traces/ID` shows all of it.
    """
    raise RuntimeError("this route is answered in front of the framework")
