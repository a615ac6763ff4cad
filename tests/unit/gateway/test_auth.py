"""Who is let in by the routes of the framework: resolved when the head of a request comes, and again when it acts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.gateway.fake_master import KEY, FakeMaster, fake_master

from manyeyes.gateway.app import make_app
from manyeyes.identity import hash_api_key

ADMIN = "mek_admin"


@pytest.fixture
def master(tmp_path: Path) -> Iterator[FakeMaster]:
    with fake_master(tmp_path) as made:
        made.store.credentials.add_api_key(hash_api_key(ADMIN), "boss", "admin")
        yield made


def ask(master: FakeMaster, method: str, url: str, credential: str, **options: Any) -> httpx.Response:
    async def scene() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(master))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="https://master") as client:
            headers = {"Authorization": f"Bearer {credential}", "Content-Type": "application/json"}
            return await client.request(method, url, headers=headers, **options)

    return asyncio.run(scene())


def test_a_link_signs_in_once_and_the_session_acts_until_it_signs_out(master: FakeMaster) -> None:
    link = master.sessions.link(ADMIN)
    assert ask(master, "GET", "/v1/session", link).status_code == 401, "it is good for signing in only"
    signed_in = ask(master, "POST", "/v1/session", link)
    assert signed_in.status_code == 201
    assert ask(master, "POST", "/v1/session", link).status_code == 401
    token = signed_in.json()["token"]
    who = ask(master, "GET", "/v1/session", token).json()
    assert (who["name"], who["role"]) == ("boss", "admin")
    assert ask(master, "DELETE", "/v1/session", token).status_code == 204
    assert ask(master, "GET", "/v1/session", token).status_code == 401


def test_a_key_that_is_revoked_while_its_body_comes_does_nothing(master: FakeMaster) -> None:
    async def late() -> Any:
        yield b'{"expires_s": '
        master.store.credentials.revoke_api_keys("boss")
        yield b"60}"

    answer = ask(master, "POST", "/v1/tokens", ADMIN, content=late())
    assert answer.status_code == 401, answer.text
    assert "has just been revoked" in answer.json()["detail"]


def test_a_role_that_is_not_enough(master: FakeMaster) -> None:
    refused: list[tuple[str, str]] = []

    class Audit:
        def refused(self, who: str, what: str, **_: str) -> None:
            refused.append((who, what))

    master.audit = Audit()  # type: ignore[attr-defined]
    answer = ask(master, "POST", "/v1/tokens", KEY, json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
    assert refused == [("somebody", "token")]
