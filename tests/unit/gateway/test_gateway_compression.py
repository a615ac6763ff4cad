"""Long JSON answers travel compressed to those who say that they can read it; pictures never do."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.samples import picture, saved
from tests.unit.gateway.fake_master import DRAWN, KEY, FakeMaster, fake_master, result

from manyeyes.gateway.app import make_app

PICTURE = saved(picture(), "PNG")


@pytest.fixture
def master(tmp_path: Path) -> Iterator[FakeMaster]:
    with fake_master(tmp_path) as made:
        yield made


def ask(master: FakeMaster, accept: str, encoding: str) -> tuple[httpx.Response, bytes]:
    """The answer and its body as it travelled."""

    async def scene() -> tuple[httpx.Response, bytes]:
        transport = httpx.ASGITransport(make_app(master))  # type: ignore[arg-type]
        headers = {"Authorization": f"Bearer {KEY}", "Accept": accept, "Accept-Encoding": encoding}
        async with (
            httpx.AsyncClient(transport=transport, base_url="https://master") as client,
            client.stream("POST", "/v1/recognize", content=PICTURE, headers=headers) as answer,
        ):
            return answer, b"".join([part async for part in answer.aiter_raw()])

    answer, raw = asyncio.run(scene())
    assert answer.status_code == 200, raw
    return answer, raw


def test_a_long_result_is_compressed_for_who_reads_that(master: FakeMaster) -> None:
    master.result = result(20)
    whole = result(20).model_dump_json().encode()
    answer, raw = ask(master, "application/json", "gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Length"] == str(len(raw))
    assert gzip.decompress(raw) == whole
    assert len(raw) < 0.3 * len(whole)
    answer, raw = ask(master, "application/json", "identity")
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert raw == whole


def test_a_short_result_travels_as_it_is(master: FakeMaster) -> None:
    answer, raw = ask(master, "application/json", "gzip")
    assert "Content-Encoding" not in answer.headers
    assert raw == result(1).model_dump_json().encode()


@pytest.mark.parametrize("accept", ["multipart/mixed", "image/*"])
def test_what_holds_a_picture_is_never_compressed(master: FakeMaster, accept: str) -> None:
    answer, raw = ask(master, accept, "gzip")
    assert "Content-Encoding" not in answer.headers
    assert DRAWN in raw
