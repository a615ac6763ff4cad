"""A route is for keys of a role, and says so; what is refused is in the audit log."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from tests.unit.gateway.fake_master import KEY, FakeMaster, fake_master

from manyeyes.gateway.app import make_app


def asked(master: FakeMaster, method: str, path: str) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(master))  # type: ignore[arg-type]
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(transport=transport, base_url="https://m", headers=headers) as client:
            return await client.request(method, path)

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("method", "path", "what", "node", "least"),
    [
        ("GET", "/v1/nodes", "GET nodes", "", "operator"),
        ("POST", "/v1/nodes/lab-1/pause", "pause", "lab-1", "operator"),
        ("POST", "/v1/nodes/lab-1/files?kind=read&name=a", "get", "lab-1", "operator"),
        ("GET", "/v1/audit", "GET audit", "", "admin"),
    ],
)
def test_too_small_a_role_is_refused_and_noted(
    method: str, path: str, what: str, node: str, least: str, tmp_path: Path
) -> None:
    with fake_master(tmp_path) as master:
        noted: list[tuple[Any, ...]] = []
        master.audit = SimpleNamespace(
            refused=lambda who, what, *, node, detail: noted.append((who, what, node, detail))
        )
        answer = asked(master, method, path)
    assert answer.status_code == 403
    assert answer.json()["detail"] == f"this key's role is user, at least {least} is needed"
    assert noted == [("somebody", what, node, f"the key's role is user, {least} is needed")]


def test_any_credential_is_enough_for_the_ca(tmp_path: Path) -> None:
    with fake_master(tmp_path) as master:
        answer = asked(master, "GET", "/v1/ca")
    assert (answer.status_code, answer.json()) == (200, {"ca_pem": ""})
