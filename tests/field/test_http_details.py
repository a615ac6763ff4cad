"""How programs speak HTTP: bodies without a length, headers in any case, what they accept, HEAD and OPTIONS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.types import Message

from manyeyes.api.people import MAX_ENROLMENT_PHOTOS
from manyeyes.config import Limits
from manyeyes.errors import BadRequest, NotAcceptable
from manyeyes.gateway import negotiation
from manyeyes.gateway.app import Gateway, make_app
from manyeyes.gateway.negotiation import check_fits, chosen
from manyeyes.gateway.request_head import takes_gzip
from manyeyes.identity import hash_api_key
from tests.samples import picture, saved
from tests.unit.gateway.fake_master import DRAWN, FakeMaster, fake_master, result

PICTURE = saved(picture(), "PNG")
ADMIN = "mek_admin"
SIGNED = {"Authorization": f"Bearer {ADMIN}"}
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
    + PICTURE
    + b"\r\n--x--\r\n"
)


@pytest.fixture
def master(tmp_path: Path) -> Iterator[FakeMaster]:
    with fake_master(tmp_path, Limits(max_picture_bytes=400_000)) as made:
        made.store.credentials.add_api_key(hash_api_key(ADMIN), "boss", "admin")
        yield made


def ask(master: FakeMaster, method: str, url: str, **options: Any) -> httpx.Response:
    async def scene() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(master), raise_app_exceptions=False)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="https://master") as client:
            return await client.request(method, url, **{"headers": SIGNED, **options})

    return asyncio.run(asyncio.wait_for(scene(), 10))


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 1000):
        yield body[at : at + 1000]


# bodies


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "Multipart/Form-Data; Boundary=x"])
@pytest.mark.parametrize("pieces", [False, True])
def test_a_form_in_any_case_with_and_without_a_length(master: FakeMaster, kind: str, pieces: bool) -> None:
    content: Any = in_pieces(FORM) if pieces else FORM
    answer = ask(master, "POST", "/v1/recognize", content=content, headers={**SIGNED, "Content-Type": kind})
    assert answer.status_code == 200, answer.text
    assert master.asked[0][0] == PICTURE


def test_a_form_without_a_length_ends_at_the_limit(master: FakeMaster) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield FORM[:90]
        while sent < 10_000_000:
            sent += 10_000
            yield bytes(10_000)

    headers = {**SIGNED, "Content-Type": "multipart/form-data; boundary=x"}
    answer = ask(master, "POST", "/v1/recognize", content=endless(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-many-bytes")
    assert sent < 600_000


@pytest.mark.parametrize("url", ["/v1/recognize", "/v1/people"])
def test_a_form_that_cannot_be_read_is_told_in_words(master: FakeMaster, url: str) -> None:
    field = "picture" if url.endswith("recognize") else "photos"
    form = FORM.replace(b'"picture"', b'"%s"' % field.encode())
    name = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nAda\r\n'
    whole, part = name + form, form.removesuffix(b"--x--\r\n")

    def told(body: bytes, kind: str = "multipart/form-data; boundary=x") -> str:
        answer = ask(master, "POST", url, content=body, headers={**SIGNED, "Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-request"), answer.text
        detail: str = answer.json()["detail"]
        return detail

    if field == "picture":
        assert "names no boundary" in told(whole, "multipart/form-data")
    for end in (-1000, -9, -7):
        assert "cut short: its last boundary is missing" in told(whole[:end])
    assert "add" in told(whole.replace(b'"%s"' % field.encode(), b'"other"'))
    most = 1 if field == "picture" else MAX_ENROLMENT_PHOTOS
    assert f"more than {most} file" in told(name + part * most + form)
    assert "cannot be read: " in told(b"--y\r\n" + whole) and "..;" not in told(b"--y\r\n" + whole)


def test_a_name_that_is_empty(master: FakeMaster) -> None:
    answer = ask(master, "PATCH", "/v1/people/Ada", json={"name": ""})
    assert answer.json()["detail"] == "body.name is empty; give it a value"


def test_photos_without_a_length(master: FakeMaster) -> None:
    """The form is read: what is wrong with it is told."""
    body = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nAda\r\n--x--\r\n'
    headers = {**SIGNED, "Content-Type": "multipart/form-data; boundary=x"}
    answer = ask(master, "POST", "/v1/people", content=in_pieces(body), headers=headers)
    assert (answer.status_code, answer.json()["detail"].partition(";")[0]) == (
        400,
        "no photo came with the name",
    )


# what is accepted


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("*", "application/json"),
        ("IMAGE/*", "image/png"),
        ("image/png", "image/png"),
        ("Multipart/Mixed", "multipart/mixed"),
        ("multipart/mixed, */*", "multipart/mixed"),
        ("image/*;q=0.5, application/json;q=0.9", "application/json"),
        ("image/*;q=0, */*", "application/json"),
        ("application/json;q=0, */*;q=0.1", "multipart/mixed"),
        ("text/html, */*;q=0.8", "application/json"),
    ],
)
def test_an_answer_of_the_kind_that_is_accepted(master: FakeMaster, accept: str, kind: str) -> None:
    answer = ask(master, "POST", "/v1/recognize", content=PICTURE, headers={**SIGNED, "Accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert (answer.content == DRAWN) == kind.startswith("image/")


@pytest.mark.parametrize(
    "accept", ["text/html", "image/*;q=0", "*/*;q=0", "application/xml, text/plain;q=0.3"]
)
def test_where_nothing_fits_nothing_is_recognised(master: FakeMaster, accept: str) -> None:
    answer = ask(master, "POST", "/v1/recognize", content=PICTURE, headers={**SIGNED, "Accept": accept})
    assert (answer.status_code, answer.json()["code"]) == (406, "not-acceptable")
    assert "application/json, multipart/mixed or image/*" in answer.json()["detail"]
    assert not master.asked


def test_a_predicted_picture_in_another_format_than_asked_for(master: FakeMaster) -> None:
    answer = ask(master, "POST", "/v1/recognize", content=PICTURE, headers={**SIGNED, "Accept": "image/jpeg"})
    assert (answer.status_code, answer.json()["detail"][-50:]) == (
        406,
        "this predicted picture is image/png; ask for image/*"[-50:],
    )


def test_what_is_no_list_of_media_types() -> None:
    with pytest.raises(BadRequest, match="'json' is no list of media types"):
        chosen("json", "image/png")
    for weight in ("abc", "", "1.5", "-1", "nan"):
        with pytest.raises(BadRequest, match=f"header.accept: q is '{weight}'; a number from 0 to 1"):
            chosen(f"application/json;q=0.5, image/jpeg; Q={weight}", "image/png")
    assert chosen("image/jpeg;q=0.5, application/json;q=1.000", "image/png") == "application/json"
    with pytest.raises(NotAcceptable):
        check_fits("image/png", "image/webp")
    assert set(negotiation.PICTURES) >= {"image/jpeg", "image/png"}


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("br", False),
        ("x-gzip2", False),
        ("", False),
    ],
)
def test_compression_is_refused_by_its_weight(header: str, takes: bool) -> None:
    assert takes_gzip({"accept-encoding": header}) is takes


def test_no_answer_is_compressed_for_who_refuses_it(master: FakeMaster) -> None:
    master.result = result(100)
    for method, url in (("POST", "/v1/recognize"), ("GET", "/openapi.json")):
        for header, coding in (("gzip", "gzip"), ("gzip;q=0", None)):
            headers = {**SIGNED, "Accept-Encoding": header}
            answer = ask(master, method, url, content=PICTURE, headers=headers)
            assert answer.headers.get("content-encoding") == coding, (url, header)


# methods and paths


def routes() -> list[APIRoute]:
    return [route for route in Gateway().of_api if isinstance(route, APIRoute)]


def test_every_path_that_has_get_has_head(master: FakeMaster) -> None:
    """What is behind it is missing on this master, so most fail: none by its method."""
    readable = [route.path for route in routes() if "GET" in route.methods]
    assert len(readable) > 20
    for path in readable:
        url = path.replace("{trace_id}", "a" * 32).replace("{", "").replace("}", "").replace(":path", "")
        answer = ask(master, "HEAD", url)
        assert answer.status_code != 405 and not answer.content, path


def test_head_of_an_answer_that_does_not_end() -> None:
    """The stream is ended when its head has been sent."""
    from manyeyes.gateway.http_methods import HttpMethods

    ended: list[str] = []

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"x-is", scope["method"].encode())],
                }
            )
            while True:
                await send({"type": "http.response.body", "body": b"line\n", "more_body": True})
        finally:
            ended.append("stream")

    async def scene() -> list[Message]:
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "HEAD", "path": "/v1/events", "headers": []}
        await asyncio.wait_for(HttpMethods(endless, [])(scope, None, keep), 5)  # type: ignore[arg-type]
        return sent

    start, body = asyncio.run(scene())
    assert (start["headers"], body["body"], ended) == ([(b"x-is", b"GET")], b"", ["stream"])


def test_head_says_what_get_says(master: FakeMaster) -> None:
    whole, head = ask(master, "GET", "/openapi.json"), ask(master, "HEAD", "/openapi.json")
    assert head.headers["content-length"] == whole.headers["content-length"]
    assert (head.status_code, head.content) == (200, b"")
    assert ask(master, "HEAD", "/v1/session", headers={}).status_code == 401, "it needs a key as GET does"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/v1/recognize", "POST, OPTIONS"),
        ("/v1/people", "GET, HEAD, POST, OPTIONS"),
        ("/v1/people/Ada", "DELETE, GET, HEAD, PATCH, OPTIONS"),
    ],
)
def test_options_and_a_wrong_method_name_the_methods(master: FakeMaster, path: str, allowed: str) -> None:
    answer = ask(master, "OPTIONS", path, headers={})
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, allowed, b"")
    assert not any(name.startswith("access-control") for name in answer.headers), "other sites stay outside"
    wrong = ask(master, "PUT", path)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, allowed)
    assert f"PUT was sent, this path has {allowed}" in wrong.json()["detail"]


def test_options_of_no_path(master: FakeMaster) -> None:
    assert ask(master, "OPTIONS", "/v1/nothing").status_code == 404


def test_a_slash_at_the_end_changes_nothing(master: FakeMaster) -> None:
    assert ask(master, "POST", "/v1/recognize/", content=PICTURE).status_code == 200
    assert ask(master, "GET", "/v1/session/").json()["name"] == "boss"
    assert ask(master, "GET", "/v1/session/", headers={}).status_code == 401
    assert ask(master, "GET", "/v1/nothing/").status_code == 404


# headers


def test_a_header_of_one_value_comes_once(master: FakeMaster) -> None:
    for name in ("Authorization", "Content-Type", "Idempotency-Key", "Host"):
        pairs = [*SIGNED.items(), (name, "one"), (name, "two")]
        answer = ask(master, "POST", "/v1/recognize", content=PICTURE, headers=pairs)
        assert answer.status_code == 400, name
        assert f"the header {name} comes" in answer.json()["detail"]
        assert answer.headers["connection"] == "close"
    assert not master.asked


def test_a_list_may_come_in_several_headers(master: FakeMaster) -> None:
    pairs = [*SIGNED.items(), ("Accept", "text/html"), ("Accept", "image/*")]
    answer = ask(master, "POST", "/v1/recognize", content=PICTURE, headers=pairs)
    assert answer.headers["content-type"] == "image/png"
