"""A real browser on the console of a running master.

Playwright's own event loop runs in the thread of the tests, so it is ended with each file of tests.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from manyeyes import Client
from manyeyes.sdk.context import Context, load_context
from tests.e2e.conftest import Up

WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
expect.set_options(timeout=20_000)
_HARMLESS = ("Failed to load resource", "ERR_CONNECTION", "WebSocket connection to", "net::ERR_")
"""What a browser says by itself when an answer is a refusal, or the master is away."""
_STILL = """() => {
    const menu = document.querySelector('.q-drawer')
    return (!menu || menu.classList.contains('q-drawer--mobile') === innerWidth < 900)
        && document.getAnimations().every(one => one.effect.getTiming().iterations === Infinity)
}"""
"""Nothing moves on the page, and its menu has noticed how wide the window is."""
_FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""A camera that shows a moving test picture, and that every page may use."""


@dataclass
class Consoles:
    """Signed-in browsers; what they complained of is an error of the test."""

    chromium: Browser
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)

    def window(self, *, size: Any = WIDE, dark: bool = False) -> Page:
        """A window of a browser of its own, not signed in."""
        context = self.chromium.new_context(
            ignore_https_errors=True,
            viewport=size,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        context.set_default_timeout(20_000)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: self._note(said.type, said.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        return page

    def _note(self, kind: str, text: str) -> None:
        if kind == "error" and not any(words in text for words in _HARMLESS):
            self.complaints.append(text)

    def key(self, up: Up, role: str) -> str:
        """An API key with a role."""
        context: Context = load_context(up.data / "context.json")
        if role == "admin":
            return context.api_key
        known = (context.url, role)
        if known not in self.keys:
            with Client(context) as client:
                made = client.create_key(f"console test {role} {secrets.token_hex(8)}", role)  # type: ignore[arg-type]
            self.keys[known] = made.key
        return self.keys[known]

    def open(
        self, up: Up, path: str = "/", role: str = "admin", *, size: Any = WIDE, dark: bool = False
    ) -> Page:
        """A page of the console, signed in by the form as a person would."""
        page = self.window(size=size, dark=dark)
        page.goto(f"{up.context['url']}/console{path}")
        page.get_by_label("API key").fill(self.key(up, role))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**/console{path}")
        ready(page)
        return page


def ready(page: Page) -> None:
    """Wait until the page is filled and its socket is connected."""
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_function("() => window.did_handshake === true")


def accessibility_trouble(page: Page, within: str | None = None) -> list[str]:
    """What axe finds serious or critical, one line each; empty is good.

    Args:
        within: a selector; what a dialog dims behind it is not to be read.
    """
    page.wait_for_function(_STILL)  # colours on their way are nobody's colours
    found = Axe().run(page, context=within)
    return [
        f"{violation['impact']} {violation['id']}: {violation['help']}: "
        + "; ".join(str(node["target"]) + " " + node["html"][:120] for node in violation["nodes"][:3])
        for violation in found.response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium on this machine; .ci/run installs it")
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", *_FAKE_CAMERA])
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture
def consoles(chromium: Browser) -> Iterator[Consoles]:
    opened = Consoles(chromium)
    yield opened
    for context in opened.contexts:
        context.close()
    assert opened.complaints == []
