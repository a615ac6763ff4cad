"""Plain HTTP serves the API with a key, and nothing that a browser signs in with."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from manyeyes.credentials import cookie_name
from manyeyes.errors import BadRequest
from manyeyes.gateway.plain_http import PlainHttp, parse_address


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("[::1]:80", "http://[::1]:80"),
        ("0.0.0.0:1", "http://0.0.0.0:1"),
    ],
)
def test_an_address(text: str, url: str) -> None:
    found = parse_address(text)
    assert found is not None and found.url == url


def test_none_is_served_by_default() -> None:
    assert parse_address("") is None


@pytest.mark.parametrize("text", ["8080", ":8080", "::1:80", "[]:80", "a:b", "a:0", "a:65536", "a:", "a:²"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(BadRequest, match="not of the form ADDRESS:PORT"):
        parse_address(text)


def _asked(
    path: str, kind: str = "http", credential: bytes = b"Bearer mek_x", root_path: str = ""
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What reached the gateway, and what was answered without it."""
    passed: list[dict[str, Any]] = []
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope)

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    headers = [(b"cookie", f"{cookie_name(root_path)}=mes_x".encode())]
    headers += [(b"authorization", credential)] if credential else []
    scope: Any = {"type": kind, "method": "GET", "path": root_path + path, "root_path": root_path}
    scope["headers"] = headers
    asyncio.run(PlainHttp(app, 9443)(scope, receive, send))
    return passed, sent


@pytest.mark.parametrize(
    "path", ["/v1/recognize", "/v1/people", "/healthz", "/readyz", "/metrics", "/openapi.json"]
)
def test_the_api_is_served_without_the_cookie(path: str) -> None:
    (scope,), sent = _asked(path)
    assert scope["headers"] == [(b"authorization", b"Bearer mek_x")] and sent == []


@pytest.mark.parametrize("credential", [b"Bearer mes_x", b"bearer  mes_x", b"Bearer mel_x"])
def test_a_session_is_not_taken_as_a_key(credential: bytes) -> None:
    passed, sent = _asked("/v1/status", credential=credential)
    assert passed == [] and sent[0]["status"] == 401 and b"API keys only" in sent[1]["body"]


@pytest.mark.parametrize("root_path", ["", "/faces"])
def test_a_session_cookie_alone_is_told_where_it_works(root_path: str) -> None:
    passed, sent = _asked("/v1/status", credential=b"", root_path=root_path)
    assert passed == [] and sent[0]["status"] == 401
    detail = json.loads(sent[1]["body"])["detail"]
    assert "'Authorization: Bearer KEY'" in detail and "port 9443 of this master" in detail


@pytest.mark.parametrize(
    "path", ["/", "/console", "/console/sign-in", "/v1/session", "/v1/session/link", "/v1x"]
)
def test_the_console_and_sign_in_are_not(path: str) -> None:
    passed, sent = _asked(path)
    assert passed == [] and sent[0]["status"] == 403
    said = json.loads(sent[1]["body"])
    assert said["title"] == "The console and sign-in are served over HTTPS only, at port 9443"
    assert (
        said["detail"]
        == f"{said['title']}; the API is under /v1, with an API key; /openapi.json describes it"
    )


def test_no_websocket_is_opened() -> None:
    assert _asked("/console/ws", "websocket") == ([], [{"type": "websocket.close", "code": 1008}])
