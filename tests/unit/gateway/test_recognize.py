"""POST /v1/recognize over the app itself: no socket, and a master that answers at once."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message
from tests.samples import picture, saved
from tests.unit.gateway.fake_master import DRAWN, KEY, FakeMaster, fake_master, result

from manyeyes.access.sessions import Sessions
from manyeyes.api.videos import Still
from manyeyes.config import Limits
from manyeyes.credentials import COOKIE
from manyeyes.dispatch import trace as picture_trace
from manyeyes.errors import Busy
from manyeyes.gateway import problems
from manyeyes.gateway.app import make_app
from manyeyes.sdk.multipart import parse_parts

PICTURE = saved(picture(), "PNG")
TRACE, PARENT = "a1" * 16, "b2" * 8
SIGNED = {"Authorization": f"Bearer {KEY}"}
URL = "/v1/recognize"


@pytest.fixture
def master(tmp_path: Path) -> Iterator[FakeMaster]:
    with fake_master(tmp_path) as made:
        yield made


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The lines of pictures that are written."""
    written: list[dict[str, Any]] = []
    monkeypatch.setattr(
        picture_trace, "note", lambda event, **facts: written.append({"event": event, **facts})
    )
    return written


def send(master: FakeMaster, method: str = "POST", url: str = URL, **options: Any) -> httpx.Response:
    """The app's answer; an exception that it lets out after its answer is what its server logs."""

    async def scene() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(master), raise_app_exceptions=False)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="https://master") as client:
            return await client.request(method, url, **{"headers": SIGNED, **options})

    return asyncio.run(scene())


def post(master: FakeMaster, content: Any = PICTURE, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(master, content=content, headers={**SIGNED, **named})


def messages(
    master: FakeMaster, headers: dict[str, str], parts: list[Message]
) -> tuple[list[Message], list[Message]]:
    """What the app sends, and what it has not received of `parts`."""
    sent: list[Message] = []

    async def receive() -> Message:
        return parts.pop(0)

    async def scene() -> None:
        async def keep(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "https",
            "path": URL, "raw_path": URL.encode(), "query_string": b"", "root_path": "", "state": {},
            "server": ("master", 1), "client": ("127.0.0.1", 2),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip
        await make_app(master)(scope, receive, keep)  # type: ignore[arg-type]

    asyncio.run(scene())
    return sent, parts


def said(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """A problem document; it is the one with that status and code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    return document


# what comes back


def test_json_by_default(master: FakeMaster, lines: list[dict[str, Any]]) -> None:
    answer = post(master)
    assert answer.status_code == 200
    assert answer.content == result().model_dump_json().encode()
    assert set(answer.headers) == {"content-length", "content-type", "traceparent"}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.content))
    [(data, draw, key, seen)] = master.asked
    assert (data, draw, key) == (PICTURE, False, None)
    assert (seen.sender.name, len(seen.sender.key_id), seen.media_type) == ("somebody", 12, "image/png")
    [line] = lines
    assert (line["event"], line["outcome"], line["who"]) == ("picture", "done", "somebody")
    assert line["size_bytes"] == len(PICTURE)
    assert line["accepted_ms"] >= 0


def test_result_and_picture_in_one_answer(master: FakeMaster) -> None:
    answer = post(master, accept="multipart/mixed, application/problem+json")
    json_part, picture_part = parse_parts(answer.headers["content-type"], answer.content)
    assert (json_part.media_type, json_part.content) == (
        "application/json",
        result().model_dump_json().encode(),
    )
    assert (picture_part.media_type, picture_part.content) == ("image/png", DRAWN)
    assert master.asked[0][1]


def test_the_picture_alone(master: FakeMaster) -> None:
    answer = post(master, accept="image/*")
    assert (answer.headers["content-type"], answer.content) == ("image/png", DRAWN)
    assert result().predicted_media_type
    master.result = result().model_copy(update={"predicted_media_type": None, "media_type": "image/webp"})
    assert post(master, accept="image/*").headers["content-type"] == "image/webp"


@pytest.mark.parametrize("accept", ["application/json", "multipart/mixed", "image/*"])
def test_an_answer_is_one_head_and_one_body(master: FakeMaster, accept: str) -> None:
    whole = {"type": "http.request", "body": PICTURE, "more_body": False}
    sent, _ = messages(master, {**SIGNED, "Accept": accept}, [whole])
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


def test_a_long_result_is_compressed_off_the_loop(
    master: FakeMaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    master.result = result(400)
    threads: set[int] = set()
    real = asyncio.to_thread

    async def noted(what: Any, *args: Any) -> Any:
        return await real(lambda: (threads.add(threading.get_ident()), what(*args))[1])

    monkeypatch.setattr(asyncio, "to_thread", noted)
    answer = post(master, accept_encoding="gzip")
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert answer.content == result(400).model_dump_json().encode()
    assert int(answer.headers["content-length"]) < len(answer.content) / 3
    assert threads and threading.get_ident() not in threads


# traces


def test_a_trace_goes_in_and_out(master: FakeMaster) -> None:
    answer = post(master, traceparent=f"00-{TRACE}-{PARENT}-01")
    [(*_, seen)] = master.asked
    assert (seen.trace.trace_id, seen.trace.parent_id) == (TRACE, PARENT)
    assert answer.headers["traceparent"] == f"00-{TRACE}-{seen.trace.span_id}-01"
    fresh = post(master, traceparent="nonsense").headers["traceparent"]
    assert fresh.split("-")[1] not in (TRACE, "0" * 32)


def test_an_error_names_its_trace(master: FakeMaster) -> None:
    problem = said(post(master, b"hello" * 99, traceparent=f"00-{TRACE}-{PARENT}-01"), 415, "not-a-picture")
    assert problem["trace_id"] == TRACE


def test_the_line_of_a_refused_picture_has_its_size(master: FakeMaster, lines: list[dict[str, Any]]) -> None:
    said(post(master, b"hello" * 99), 415, "not-a-picture")
    assert [line["size_bytes"] for line in lines] == [495]


# what goes in


def test_a_form(master: FakeMaster) -> None:
    answer = send(master, files={"picture": ("a.png", PICTURE, "image/png")})
    assert answer.status_code == 200, answer.text
    assert master.asked[0][0] == PICTURE


def test_forms_that_are_refused(master: FakeMaster) -> None:
    no_field = send(master, files={"photo": ("a.png", PICTURE)})
    assert "no file field 'picture'" in said(no_field, 400, "bad-request")["detail"]
    two = send(master, files=[("picture", ("a.png", PICTURE)), ("picture", ("b.png", PICTURE))])
    assert "the form has more than 1 file;" in said(two, 400, "bad-request")["detail"]
    assert master.figure('manyeyes_pictures_refused_total{reason="bad-request"}') == 2
    assert not master.asked


async def several(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_a_body_in_parts(master: FakeMaster) -> None:
    assert post(master, several(PICTURE[:100], PICTURE[100:])).status_code == 200
    assert master.asked[0][0] == PICTURE


def test_a_picture_that_is_too_long_is_not_read_to_its_end(tmp_path: Path) -> None:
    with fake_master(tmp_path, Limits(max_picture_bytes=1000)) as master:
        parts: list[Message] = [{"type": "http.request", "body": bytes(600), "more_body": True}] * 9
        sent, left = messages(master, {**SIGNED, "Content-Length": "5400"}, list(parts))
        assert (sent[0]["status"], len(left)) == (413, 9)
        sent, left = messages(master, {**SIGNED}, list(parts))
        assert (sent[0]["status"], len(left)) == (413, 7)
        assert "0.0 MB or more" in json.loads(sent[1]["body"])["detail"]
        assert master.figure('manyeyes_pictures_refused_total{reason="too-many-bytes"}') == 2
        assert not master.asked


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(b"", 422, "empty-picture"), (b"a letter " * 99, 415, "not-a-picture"), (PICTURE[:20], 422, None)],
)
def test_what_is_no_picture(
    master: FakeMaster, lines: list[dict[str, Any]], content: bytes, status: int, code: str | None
) -> None:
    answer = post(master, content)
    problem = said(answer, status, code or answer.json()["code"])
    assert not problem["retryable"] and "retry-after" not in answer.headers
    assert master.figure(f'manyeyes_pictures_refused_total{{reason="{problem["code"]}"}}') == 1
    assert [line["outcome"] for line in lines] == [problem["code"]]
    assert "detail" not in lines[0], "what a picture that was not taken in holds is nobody's business"


def test_too_many_pixels(tmp_path: Path) -> None:
    with fake_master(tmp_path, Limits(max_megapixels=0.01)) as master:
        said(post(master), 413, "too-many-pixels")


def test_the_idempotency_key_is_passed_on(master: FakeMaster) -> None:
    assert post(master, idempotency_key="k" * 200).status_code == 200
    assert master.asked[0][2] == "k" * 200
    answer = post(master, idempotency_key="k" * 201)
    problem = said(answer, 400, "bad-request")
    assert problem["detail"] == "header.idempotency-key: String should have at most 200 characters"
    assert len(master.asked) == 1
    assert "trace_id" not in problem


def test_bodies_are_counted(master: FakeMaster) -> None:
    answer = post(master)
    assert master.figure("manyeyes_user_received_bytes_total") == len(PICTURE)
    assert master.figure("manyeyes_user_sent_bytes_total") == len(answer.content)
    refused = post(master, b"no picture")
    assert master.figure("manyeyes_user_received_bytes_total") == len(PICTURE) + len(b"no picture")
    assert master.figure("manyeyes_user_sent_bytes_total") == len(answer.content) + len(refused.content)


# who may


def test_nobody_gets_in_without_a_credential_and_no_body_is_read(master: FakeMaster) -> None:
    body: Message = {"type": "http.request", "body": PICTURE, "more_body": True}
    for headers in (
        {},
        {"Authorization": "Bearer mek_other"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer "},
        {"Cookie": f"{COOKIE}=mes_other", "Origin": "https://master", "Host": "master"},
    ):
        sent, left = messages(master, headers, [body])
        assert len(left) == 1
        assert sent[0]["status"] == 401
        fields = dict(sent[0]["headers"])
        assert (fields[b"connection"], fields[b"www-authenticate"]) == (b"close", b"Bearer")
        assert fields[b"content-type"] == b"application/problem+json"
        assert json.loads(sent[1]["body"])["code"] == "not-signed-in"
    assert master.figure("manyeyes_user_received_bytes_total") == 0
    assert master.figure("manyeyes_user_sent_bytes_total") > 0


def test_the_console_s_cookie_serves_its_own_page_only(master: FakeMaster) -> None:
    token, _ = master.sessions.sign_in(KEY)
    cookie = {"Cookie": f"{COOKIE}={token}"}

    def with_cookie(**headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return send(master, content=PICTURE, headers={**cookie, **named})

    assert with_cookie(origin="https://master").status_code == 200
    assert with_cookie(sec_fetch_site="same-origin").status_code == 200
    for wrong in (
        {"origin": "https://elsewhere"},
        {"origin": "https://master", "sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {},
    ):
        answer = with_cookie(**wrong)
        said(answer, 403, "cross-site")
        assert answer.headers["connection"] == "close"
    assert len(master.asked) == 2


def test_a_revoked_key_is_refused_on_the_next_request(master: FakeMaster) -> None:
    assert post(master).status_code == 200
    assert post(master).status_code == 200
    master.store.credentials.revoke_api_keys("somebody")
    said(post(master), 401, "not-signed-in")


def test_a_session_ends_at_its_time(master: FakeMaster) -> None:
    now = [1000.0]
    master.sessions = Sessions(
        master.store.credentials, master.store.sessions, master.audit, 60, lambda: now[0]
    )
    token, _ = master.sessions.sign_in(KEY)
    signed = {"Authorization": f"Bearer {token}"}
    assert send(master, content=PICTURE, headers=signed).status_code == 200
    now[0] += 59
    assert send(master, content=PICTURE, headers=signed).status_code == 200
    now[0] += 1
    said(send(master, content=PICTURE, headers=signed), 401, "not-signed-in")


# what goes wrong


def test_an_error_of_the_master(master: FakeMaster, lines: list[dict[str, Any]]) -> None:
    master.error = Busy("512 pictures wait already", retry_after_s=7)
    answer = post(master)
    problem = said(answer, 429, "busy")
    assert answer.headers["retry-after"] == "7"
    assert problem["retryable"] and problem["trace_id"]
    assert [line["outcome"] for line in lines] == ["busy"]
    assert "connection" not in answer.headers


def test_an_answer_without_a_result(master: FakeMaster, lines: list[dict[str, Any]]) -> None:
    master.result = None
    assert "holds no result" in said(post(master), 500, "internal")["detail"]
    assert [line["outcome"] for line in lines] == ["internal"]


def test_an_unexpected_exception_is_a_problem_and_a_line(
    master: FakeMaster, lines: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[tuple[str, dict[str, Any]]] = []

    class Log:
        def error(self, event: str, **facts: Any) -> None:
            errors.append((event, facts))

    monkeypatch.setattr(problems, "log", Log)
    master.error = ZeroDivisionError("oh")
    answer = post(master)
    assert "its log says why" in said(answer, 500, "internal")["detail"]
    assert errors == [("request failed", {"path": URL, "error": "ZeroDivisionError('oh')"})]
    assert [line["outcome"] for line in lines] == ["internal"]
    monkeypatch.setattr(master.sessions, "caller", lambda credential: 1 // 0)
    said(post(master), 500, "internal")
    assert len(errors) == 2


def test_a_sender_who_leaves_within_the_body(master: FakeMaster, lines: list[dict[str, Any]]) -> None:
    parts: list[Message] = [
        {"type": "http.request", "body": PICTURE[:50], "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert messages(master, SIGNED, parts)[0] == [], "nobody waits for an answer"
    assert [line["outcome"] for line in lines] == ["internal"]
    assert not master.asked


def test_who_is_cancelled_has_left(master: FakeMaster, lines: list[dict[str, Any]]) -> None:
    async def scene() -> None:
        forever = asyncio.Event()

        async def never(*_: Any, **__: Any) -> Any:
            await forever.wait()

        master.recognize = never  # type: ignore[method-assign]
        transport = httpx.ASGITransport(make_app(master))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="https://master") as client:
            task = asyncio.create_task(client.post(URL, content=PICTURE, headers=SIGNED))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(scene())
    assert [line["outcome"] for line in lines] == ["sender left"]


# beside it


def test_other_methods_and_paths_are_the_framework_s(master: FakeMaster) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert "Method Not Allowed" in said(send(master, method), 405, "http")["detail"]
    assert send(master, "GET", headers={}).status_code == 401
    said(send(master, "POST", "/v1/recognise", content=PICTURE), 404, "http")


def test_the_route_is_described(master: FakeMaster) -> None:
    described = send(master, "GET", "/openapi.json", headers={}).json()["paths"][URL]
    assert list(described) == ["post"]
    post_ = described["post"]
    assert post_["description"].startswith("Recognise the picture in the body; `Accept` chooses JSON")
    schemas = {parameter["name"]: parameter["schema"] for parameter in post_["parameters"]}
    assert set(schemas) == {
        "accept",
        "idempotency-key",
        "traceparent",
        "video",
        "time_s",
        "every_s",
        "video_id",
    }
    assert schemas["idempotency-key"]["anyOf"][0]["maxLength"] == 200
    content = post_["responses"]["200"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/Result"}


def test_a_still_says_which_one_of_its_video_it_is(master: FakeMaster) -> None:
    assert post(master).status_code == 200
    still = Still(video="fête & co.mp4", time_s=12.5, every_s=0.5, video_id="ab")
    assert send(master, content=PICTURE, params={**still.model_dump(), "other": "x"}).status_code == 200
    assert send(master, content=PICTURE, params={"video": "a.mp4", "time_s": 0}).status_code == 200
    assert master.stills == [None, still, Still(video="a.mp4", time_s=0)]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"time_s": "1"}, "query.video: Field required"),
        ({"video": "a"}, "query.time_s: Field required"),
        ({"video": "", "time_s": "1"}, "query.video: String should have at least 1 character"),
        ({"video": "a" * 1001, "time_s": "1"}, "query.video: String should have at most 1000 characters"),
        ({"video": "a", "time_s": "nan"}, "query.time_s: Input should be a finite number"),
        ({"video": "a", "time_s": "-1"}, "query.time_s: Input should be greater than or equal to 0"),
        ({"video": "a", "time_s": "1", "every_s": "0"}, "query.every_s: Input should be greater than 0"),
        ({"video": "a", "time_s": "soon"}, "query.time_s: Input should be a valid number"),
    ],
)
def test_a_still_that_is_said_wrongly_is_refused(
    master: FakeMaster, query: dict[str, str], says: str
) -> None:
    answer = send(master, content=PICTURE, params=query)
    assert answer.status_code == 400 and answer.json()["detail"].startswith(says)
    assert master.stills == []
