"""Signing in and out, and what a browser without a session, or led by another site, is told."""

from __future__ import annotations

import ssl

import httpx
import pytest

from tests.e2e.conftest import Up
from tests.e2e.console.conftest import Consoles, accessibility_trouble, ready

COOKIE = "__Host-manyeyes"


def _client(up: Up) -> httpx.Client:
    trust = ssl.create_default_context(cadata=up.context["ca_pem"])
    return httpx.Client(base_url=up.context["url"], verify=trust, trust_env=False)


def _session(up: Up) -> str:
    with _client(up) as client:
        bearer = {"Authorization": f"Bearer {up.context['api_key']}"}
        return str(client.post("/v1/session", headers=bearer).raise_for_status().json()["token"])


def test_a_key_signs_in_and_out(up: Up, consoles: Consoles) -> None:
    page = consoles.window()
    page.goto(up.context["url"])
    assert accessibility_trouble(page) == []
    page.get_by_label("API key").fill("mek_wrong")
    page.get_by_role("button", name="Sign in").click()
    assert "does not know the API key" in page.get_by_role("alert").inner_text()
    page.get_by_label("API key").fill(consoles.key(up, "admin"))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/")
    ready(page)
    (cookie,) = (c for c in page.context.cookies() if c.get("name") == COOKIE)
    assert (cookie.get("httpOnly"), cookie.get("secure"), cookie.get("sameSite")) == (True, True, "Strict")
    assert not str(cookie.get("value")).startswith("mek_")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/console/sign-in")
    page.goto(up.context["url"] + "/console/")
    assert "/console/sign-in" in page.url
    with _client(up) as client:  # the token itself is dead, not only forgotten by the browser
        answer = client.get("/v1/session", headers={"Authorization": f"Bearer {cookie.get('value')}"})
        assert answer.status_code == 401
        bearer = {"Authorization": f"Bearer {up.context['api_key']}"}
        entries = client.get("/v1/audit", headers=bearer).json()["entries"]
    assert [(e["outcome"], e["detail"]) for e in entries if e["what"] in ("sign in", "sign out")][-2:] == [
        ("signed in", "with a key, from 127.0.0.1"),
        ("signed out", ""),
    ]
    (refused, *_) = (e for e in entries if e["outcome"] == "not-signed-in")
    assert refused["detail"] == "1 refused: 127.0.0.1 1", "the browser's address, not the console's"


def test_nothing_is_loaded_from_another_host(up: Up, consoles: Consoles) -> None:
    page = consoles.window()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(up.context["url"])
    page.get_by_label("API key").fill(consoles.key(up, "admin"))
    page.get_by_role("button", name="Sign in").click()
    ready(page)
    own = (up.context["url"], up.context["url"].replace("https", "wss"), "data:", "blob:")
    assert asked and all(url.startswith(own) for url in asked)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ],
)
def test_another_site_cannot_act_with_the_cookie(up: Up, headers: dict[str, str]) -> None:
    cookie = {"Cookie": f"{COOKIE}={_session(up)}"}
    with _client(up) as client:
        refused = client.post("/v1/tokens", json={"expires_s": 60}, headers={**cookie, **headers})
        assert refused.status_code == 403 and refused.json()["code"] == "cross-site", refused.text
        own = {**cookie, "Origin": up.context["url"]}
        assert client.post("/v1/tokens", json={"expires_s": 60}, headers=own).status_code == 200
        assert client.get("/v1/session", headers=cookie).json()["role"] == "admin"


@pytest.mark.parametrize(
    "path", ["/console/", "/console/nodes", "/console/_nicegui_ws/socket.io/?EIO=4&transport=polling"]
)
def test_nobody_gets_further_than_the_door_without_a_session(up: Up, path: str) -> None:
    with _client(up) as client:
        answer = client.get(path, headers={"Sec-Fetch-Dest": "empty"})
        assert answer.status_code == 401
        answer = client.get(path, headers={"Cookie": f"{COOKIE}=mes_made-up"})
        assert answer.status_code in (401, 303)


def test_pages_carry_a_policy(up: Up) -> None:
    with _client(up) as client:
        answer = client.get("/console/", headers={"Cookie": f"{COOKIE}={_session(up)}"})
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert "'unsafe-inline'" not in policy["script-src"] and "http" not in policy["script-src"]
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert answer.headers["Cache-Control"] == "no-store"
        nonce = policy["script-src"].split("'nonce-")[1].split("'")[0]
        again = client.get("/console/", headers={"Cookie": f"{COOKIE}={_session(up)}"})
        assert nonce in answer.text and nonce not in again.text


def test_a_session_opens_no_other_sessions(up: Up) -> None:
    with _client(up) as client:
        bearer = {"Authorization": f"Bearer {_session(up)}"}
        assert client.get("/v1/session", headers=bearer).json()["expires_at"]
        assert client.post("/v1/session", headers=bearer).status_code == 401


def test_the_command_console_signs_in_without_a_key_once(up: Up, consoles: Consoles) -> None:
    made = up.run("console", "--no-open")
    assert made.returncode == 0, made.stderr
    link = made.stdout.strip()
    page = consoles.window()
    page.goto(link)
    assert page.get_by_label("API key").count() == 0
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console/")
    ready(page)
    other = consoles.window()
    other.goto(link)
    other.get_by_role("button", name="Sign in").click()
    assert "already used" in other.get_by_role("alert").inner_text()
    with _client(up) as client:  # a link is no key
        bearer = {"Authorization": f"Bearer {link.split('link=')[1]}"}
        assert client.get("/v1/status", headers=bearer).status_code == 401
