"""Long JSON answers travel compressed to those who say that they can read it; pictures never do."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from typing import Any

import httpx
import pytest
from tests.samples import picture, saved

from manyeyes.config import Limits
from manyeyes.dispatch.trace import PictureTrace
from manyeyes.gateway.app import make_app
from manyeyes.master.service import Recognised
from manyeyes.master.signins import Caller
from manyeyes.results import Face, Result

PICTURE = saved(picture(), "PNG")
DRAWN = b"the predicted picture" * 500


def result(faces: int) -> Result:
    face = Face(
        box_xyxy_px=(1, 2, 3, 4),
        landmarks_px=((1.25, 2.5),) * 5,
        score=0.99,
        name=None,
        distance=0.61,
        threshold=0.55,
        confidence=0.01,
    )
    return Result(
        width_px=300,
        height_px=260,
        media_type="image/png",
        predicted_media_type="image/png",
        faces=(face,) * faces,
        pack="faces@1",
        timings_ms={},
    )


class Master:
    """As much of a master as the routes for pictures need."""

    limits = Limits()
    faces = 20

    refusals = contextlib.nullcontext

    def __getattr__(self, name: str) -> Any:
        return self

    def received(self, size_bytes: int) -> None:
        pass

    def sent(self, size_bytes: int) -> None:
        pass

    def role_of(self, key: str) -> str:
        return "user"

    def caller(self, credential: str) -> Caller:
        return Caller("somebody", "user", "0123456789ab")

    def key_name(self, key: str) -> str:
        return "somebody"

    async def recognize(self, data: bytes, *, draw: bool, key: str | None, trace: PictureTrace) -> Recognised:
        found = result(self.faces)
        content = found.model_dump_json().encode()
        return Recognised(found, content, DRAWN if draw else b"", trace.trace.trace_id)


def ask(master: Master, accept: str, encoding: str) -> tuple[httpx.Response, bytes]:
    """The answer and its body as it travelled."""

    async def scene() -> tuple[httpx.Response, bytes]:
        transport = httpx.ASGITransport(make_app(master))  # type: ignore[arg-type]
        headers = {"Authorization": "Bearer k", "Accept": accept, "Accept-Encoding": encoding}
        async with (
            httpx.AsyncClient(transport=transport, base_url="https://master") as client,
            client.stream("POST", "/v1/recognize", content=PICTURE, headers=headers) as answer,
        ):
            return answer, b"".join([part async for part in answer.aiter_raw()])

    answer, raw = asyncio.run(scene())
    assert answer.status_code == 200, raw
    return answer, raw


def test_a_long_result_is_compressed_for_who_reads_that() -> None:
    whole = result(20).model_dump_json().encode()
    answer, raw = ask(Master(), "application/json", "gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Length"] == str(len(raw))
    assert gzip.decompress(raw) == whole
    assert len(raw) < 0.3 * len(whole)
    answer, raw = ask(Master(), "application/json", "identity")
    assert "Content-Encoding" not in answer.headers
    assert raw == whole


def test_a_short_result_travels_as_it_is() -> None:
    master = Master()
    master.faces = 1
    answer, raw = ask(master, "application/json", "gzip")
    assert "Content-Encoding" not in answer.headers
    assert raw == result(1).model_dump_json().encode()


@pytest.mark.parametrize("accept", ["multipart/mixed", "image/*"])
def test_what_holds_a_picture_is_never_compressed(accept: str) -> None:
    answer, raw = ask(Master(), accept, "gzip")
    assert "Content-Encoding" not in answer.headers
    assert DRAWN in raw
