"""A route is for keys of a role, and says so; what is refused is in the audit log."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from tests.unit.gateway.fake_master import KEY, FakeMaster, fake_master

from manyeyes.gateway.app import make_app


def asked(
    master: FakeMaster, method: str, path: str, *, key: str = KEY, address: str = "127.0.0.1"
) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(master), client=(address, 9))  # type: ignore[arg-type]
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with httpx.AsyncClient(transport=transport, base_url="https://m", headers=headers) as client:
            return await client.request(method, path)

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("method", "path", "what", "least"),
    [
        ("GET", "/v1/nodes", "GET /v1/nodes", "operator"),
        ("POST", "/v1/nodes/lab-1/pause", "pause", "operator"),
        ("POST", "/v1/nodes/lab-1/files?kind=read&name=a", "put/get/list/digest", "operator"),
        ("DELETE", "/v1/people/Ann", "people remove", "operator"),
        ("GET", "/v1/people/Ann", "GET /v1/people/{name}", "operator"),
        ("GET", "/v1/audit", "GET /v1/audit", "admin"),
    ],
)
def test_too_small_a_role_is_refused_and_counted(
    method: str, path: str, what: str, least: str, tmp_path: Path
) -> None:
    with fake_master(tmp_path) as master:
        answer = asked(master, method, path)
        master.audit.close()
        (entry,) = master.audit.entries()
    assert answer.status_code == 403
    assert answer.json()["detail"] == f"this key's role is user, at least {least} is needed"
    assert (entry.who, entry.what, entry.outcome, entry.node) == ("somebody", "refused", "not-allowed", "")
    assert entry.detail == f"1 refused: {what} 1", "no name of a person is in it"


@pytest.mark.parametrize("path", ["/v1/people", "/v1/session", "/v1/recognize"])
def test_a_key_that_is_not_valid_is_counted_for_its_address(path: str, tmp_path: Path) -> None:
    with fake_master(tmp_path) as master:
        for key in ("mek_guessed", "mek_another", "mes_ended", "mel_used", ""):
            answer = asked(master, "POST", path, key=key, address="10.0.0.7")
            assert answer.status_code == 401
        master.audit.close()
        (entry,) = master.audit.entries()
    assert (entry.who, entry.what, entry.outcome) == ("", "refused", "not-signed-in")
    assert entry.detail == "4 refused: 10.0.0.7 4", "who shows no key at all is not counted"


def test_any_credential_is_enough_for_the_ca(tmp_path: Path) -> None:
    with fake_master(tmp_path) as master:
        answer = asked(master, "GET", "/v1/ca")
    assert (answer.status_code, answer.json()) == (200, {"ca_pem": ""})
