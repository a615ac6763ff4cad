"""Logs through the SDK, with and without an event loop."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from manyeyes import AsyncClient, Client, Context, Patience, TraceNotFound, Unavailable

CONTEXT = Context("https://10.0.0.4:8443", "", "k")
LINE = {
    "number": 7,
    "at": "2026-11-26T08:00:00.123Z",
    "machine": "lab-1",
    "role": "node",
    "level": "info",
    "event": "e",
}
SPAN = {
    "name": "picture",
    "machine": "master",
    "start_ms": 0,
    "duration_ms": 5,
    "depth": 0,
    "facts": {"who": "me"},
}


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/v1/logs":
        assert dict(request.url.params) == {
            "machine": "lab-1",
            "level": "warning",
            "since": "10m",
            "limit": "5",
        }
        return httpx.Response(200, json={"lines": [LINE], "newer": "n7", "older": "o7"})
    if request.url.path == "/v1/logs/follow":
        told = [{"line": LINE}, {"alive": True}, {"line": {**LINE, "number": 8}}]
        return httpx.Response(200, text="".join(json.dumps(one) + "\n" for one in told))
    if request.url.path == f"/v1/traces/{'a' * 32}":
        return httpx.Response(200, json={"trace_id": "a" * 32, "spans": [SPAN], "lines": [LINE]})
    return httpx.Response(404, json=TraceNotFound("the logs hold no line of it").as_problem())


def test_without_an_event_loop() -> None:
    with Client(CONTEXT, transport=httpx.MockTransport(answer), patience=Patience(total_s=0)) as client:
        page = client.logs.list(machine="lab-1", level="warning", since="10m", limit=5)
        assert (page.lines[0].number, page.lines[0].at.microsecond, page.newer) == (7, 123_000, "n7")
        heard = []
        with pytest.raises(Unavailable, match="ended the stream"):
            heard.extend(line.number for line in client.logs.follow(limit=0))
        for line in client.logs.follow():
            heard.append(line.number)
            break
        assert heard == [7, 8, 7]
        assert client.logs.trace("a" * 32).spans[0].facts == {"who": "me"}
        with pytest.raises(TraceNotFound):
            client.logs.trace("b" * 32)


def test_with_one() -> None:
    async def play() -> list[int]:
        heard = []
        async with AsyncClient(CONTEXT, transport=httpx.MockTransport(answer)) as client:
            with pytest.raises(Unavailable):
                async for line in client.logs.follow():
                    heard.append(line.number)
        return heard

    assert asyncio.run(play()) == [7, 8]


def test_a_failed_picture_names_its_trace_and_all_attempts_share_it() -> None:
    seen = []

    def refuse(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["traceparent"].split("-")[1])
        raise httpx.ConnectError("refused")

    patience = Patience(total_s=0.05, first_wait_s=0.01, longest_wait_s=0.01)
    with (
        Client(CONTEXT, transport=httpx.MockTransport(refuse), patience=patience) as client,
        pytest.raises(Unavailable) as failed,
    ):
        client.recognize(b"1")
    assert len(seen) > 1 and set(seen) == {failed.value.trace_id}


def test_lines_that_nobody_reads_to_their_end_say_nothing(recwarn: pytest.WarningsRecorder) -> None:
    """As in 'manyeyes logs -f | head -1': the client is closed before the lines are."""
    with Client(CONTEXT, transport=httpx.MockTransport(answer), patience=Patience(total_s=0)) as client:
        lines = client.logs.follow()
        assert next(lines).number == 7
    lines.close()
    assert not recwarn.list
