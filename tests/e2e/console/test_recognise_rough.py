"""The page Recognise when things go wrong between the browser and the master."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route, expect

from manyeyes import Client
from manyeyes.sdk.context import load_context
from tests.e2e.conftest import Seed, Up
from tests.e2e.console.conftest import Consoles, ready
from tests.e2e.console.recognising import choose, photo, row, wait_over
from tests.e2e.pictures import write_many

from background import MANYEYES, Background, free_port  # isort: skip


def _keys(page: Page) -> list[str]:
    """The idempotency keys that the page sends from now on."""
    keys: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/v1/recognize"):
            keys.append(request.headers["idempotency-key"])

    page.on("request", note)
    return keys


def _done(up: Up) -> int:
    with Client(load_context(up.data / "context.json")) as client:
        return int(client.status().tasks["done"])


def test_a_picture_whose_answer_is_lost_is_done_once(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "user")
    keys, before = _keys(page), _done(up)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    page.route("**/v1/recognize", lose, times=1)
    choose(page, [photo(left=5)])
    assert wait_over(page, 1) == "1 of 1 done"
    assert len(keys) == 2 and len(set(keys)) == 1
    assert _done(up) == before + 1


def test_an_answer_that_breaks_off_is_asked_for_again(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "user")
    keys = _keys(page)

    def cut(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.body()[:-3000])

    page.route("**/v1/recognize", cut, times=1)
    choose(page, [photo(left=6)])
    assert wait_over(page, 1) == "1 of 1 done"
    assert len(keys) == 2 and len(set(keys)) == 1


def test_a_busy_master_is_waited_for(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "user")
    keys = _keys(page)
    problem = {"title": "Busy", "detail": "too much", "code": "busy", "retryable": True}
    busy = {"status": 429, "headers": {"Retry-After": "2"}, "json": problem}
    page.route("**/v1/recognize", lambda route: route.fulfill(**busy), times=1)
    choose(page, [photo(left=7)])
    expect(row(page, "astronaut.jpg")).to_contain_text("the master is busy")
    assert len(keys) == 1  # not before the time that the master named
    assert wait_over(page, 1) == "1 of 1 done"
    assert len(keys) == 2 and len(set(keys)) == 1


def test_four_are_under_way_at_a_time_and_500_are_held(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "user")
    keys = _keys(page)
    page.route("**/v1/recognize", lambda route: None)  # never answered
    page.evaluate(
        """() => {
            const carried = new DataTransfer();
            for (let number = 1; number <= 501; number++) carried.items.add(new File(['x'], `${number}.jpg`));
            document.body.dispatchEvent(new ClipboardEvent('paste', {bubbles: true, clipboardData: carried}));
        }"""
    )
    expect(page.locator("#rec-progress-words")).to_have_text("0 of 500 done, 4 being sent, 496 waiting")
    expect(page.get_by_role("alert").filter(has_text="1 picture left out")).to_be_visible()
    page.wait_for_function("() => document.querySelectorAll('[data-state=sending]').length === 4")
    row(page, "2.jpg").first.click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.locator("#rec-progress-words")).to_have_text("0 of 499 done, 4 being sent, 495 waiting")
    page.get_by_role("button", name="Clear all").click()
    page.get_by_role("dialog", name="Clear all pictures?").get_by_role("button", name="Clear all").click()
    expect(page.get_by_role("listbox")).to_be_hidden()
    assert len(set(keys)) == len(keys) == 5


def test_pictures_wait_while_nobody_is_signed_in(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "user")
    page.evaluate("fetch('/v1/session', {method: 'DELETE'})")
    choose(page, [photo(left=8)])
    link = page.get_by_role("link", name="Sign in again in a new tab")
    expect(row(page, "astronaut.jpg")).to_contain_text("waits until you sign in again")
    with page.context.expect_page() as opening:
        link.click()
    tab = opening.value
    tab.get_by_label("API key").fill(consoles.key(up, "user"))
    tab.get_by_role("button", name="Sign in").click()
    tab.wait_for_url("**/console/recognise")
    tab.close()
    page.bring_to_front()
    assert wait_over(page, 1) == "1 of 1 done"
    expect(link).to_be_hidden()


@pytest.fixture
def own(place: Path, seed: Seed) -> Iterator[tuple[Up, list[str]]]:
    """A master with a node of its own, and the command that starts it again."""
    data = place / "recognise"
    seed(data)
    ports = ["--https-port", str(free_port()), "--nats-port", str(free_port())]
    command = [MANYEYES, "up", "--data", str(data), *ports, "--workers", "1"]
    up = Up(data, Background.start(command, place / "recognise.log"))
    try:
        up.service.wait_ready()
        yield up, command
    finally:
        with contextlib.suppress(ProcessLookupError):
            up.service.stop()


def test_the_master_is_restarted_half_way(
    own: tuple[Up, list[str]], place: Path, consoles: Consoles, tmp_path: Path
) -> None:
    up, command = own
    page = consoles.open(up, "/recognise", "admin")
    page.evaluate("window.isStillTheSame = true")
    write_many(tmp_path / "many", 40)
    page.locator("#rec-files").set_input_files(sorted((tmp_path / "many").iterdir()))
    page.wait_for_function("() => document.querySelectorAll('[data-state=done]').length >= 3")
    up.service.kill()
    expect(page.locator(".rec-words", has_text="no answer; is sent again").first).to_be_visible()
    again = Background.start(command, place / "recognise-again.log")
    try:
        again.wait_ready()
        assert wait_over(page, 40, timeout_s=120) == "40 of 40 done"
        expect(page.get_by_text("The master was restarted,")).to_be_visible()
        assert page.evaluate("window.isStillTheSame") is True
        with page.expect_download():
            page.get_by_role("button", name="Download all").click()
        page.get_by_role("button", name="Reload").click()
        ready(page)
        page.wait_for_function("() => !('isStillTheSame' in window)")
        expect(page.get_by_role("option")).to_have_count(40)
    finally:
        again.stop()
