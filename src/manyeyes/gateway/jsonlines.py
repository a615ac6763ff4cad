"""Answers that are read while they come: a JSON document on each line."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "application/x-ndjson"
AT_ONCE = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
"""Has proxies pass each line on when it comes (nginx gathers them otherwise)."""


class JsonLines(StreamingResponse):
    """A streamed answer that closes its generator when the caller disconnects."""

    def __init__(self, lines: AsyncGenerator[bytes, None], first: bytes) -> None:
        async def body() -> AsyncGenerator[bytes, None]:
            yield first
            async for line in lines:
                yield line

        super().__init__(body(), headers=AT_ONCE, media_type=MEDIA_TYPE)
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._lines.aclose()


def json_line(document: BaseModel) -> bytes:
    """One line: what is set of the document, in ASCII, so that no character in it ends a line for any reader."""
    return document.model_dump_json(exclude_unset=True, ensure_ascii=True).encode() + b"\n"
