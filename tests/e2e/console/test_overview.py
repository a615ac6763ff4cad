"""The first page: empty it says what to do first, then it shows what runs, to each what they may see."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from manyeyes import Client
from manyeyes.sdk.context import Context, load_context
from tests.e2e.conftest import Seed, Up
from tests.e2e.console.alone import Alone, running_alone
from tests.e2e.console.conftest import PHONE, Consoles, accessibility_trouble
from tests.e2e.pictures import astronaut

HOSTILE = "<img src=x onerror=document.title='taken'>{{ 6 * 7 }}"


@pytest.fixture(scope="module")
def alone(place: Path, seed: Seed) -> Iterator[Alone]:
    """A master without a node, people and pictures."""
    yield from running_alone(place / "newcomer", seed)


@pytest.fixture(scope="module")
def busy(up: Up) -> Iterator[Up]:
    """A master that knows somebody and has answered a picture of them."""
    buffer = io.BytesIO()
    astronaut().save(buffer, "JPEG")
    with Client(load_context(up.data / "context.json")) as client:
        client.add_person(HOSTILE, buffer.getvalue())
        try:
            client.recognize(buffer.getvalue())
            yield up
        finally:
            client.remove_person(HOSTILE)


@pytest.mark.parametrize("dark", [False, True])
def test_a_newcomer_is_told_what_to_do_first(alone: Alone, consoles: Consoles, dark: bool) -> None:
    page = consoles.open(alone.up, dark=dark)
    steps = page.get_by_role("region", name="What to do first").locator("li")
    expect(steps.locator("h3")).to_have_text(["Add people", "Send a picture", "Join another machine"])
    assert steps.nth(0).get_by_role("link").get_attribute("href") == "/console/people"
    assert steps.nth(1).get_by_role("link").get_attribute("href") == "/console/recognise"
    alerts = page.get_by_role("region", name="What needs a person")
    expect(alerts).to_contain_text("no node has joined")
    expect(alerts).not_to_contain_text("nobody is enrolled")  # that is the first step already
    button = steps.nth(2).get_by_role("button", name="Make a join command")
    button.focus()
    page.keyboard.press("Enter")
    expect(steps.nth(2).get_by_role("region", name="Command that joins")).to_contain_text(
        "manyeyes node --join me1_"
    )
    assert accessibility_trouble(page) == []
    page.set_viewport_size(PHONE)
    assert accessibility_trouble(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("dark", [False, True])
def test_what_runs_is_shown(busy: Up, consoles: Consoles, dark: bool) -> None:
    page = consoles.open(busy, role="operator", dark=dark)
    expect(page.locator(".figures > div", has_text="Done").locator("dd")).not_to_have_text("0")
    expect(page.get_by_role("region", name="What to do first")).to_be_hidden()
    picture = page.get_by_role("img", name=f"Predicted picture: {HOSTILE}").first
    expect(picture).to_be_visible()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    assert page.title() == "Overview · manyeyes"
    assert (
        page.get_by_role("link", name="Trace of the picture")
        .first.get_attribute("href")
        .startswith(  # type: ignore[union-attr]
            "/console/logs?trace="
        )
    )
    chart = page.get_by_role("region", name="Pictures a second")
    expect(chart.get_by_role("img", name="Pictures done over the last hour: now")).to_be_visible()
    chart.get_by_text("As a table").click()
    expect(chart.get_by_role("row").nth(1)).to_be_visible()
    assert accessibility_trouble(page) == []
    page.set_viewport_size(PHONE)
    assert accessibility_trouble(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="ready").click()
    page.wait_for_url("**/console/nodes?state=ready")


def test_who_only_sends_pictures_sees_their_own(busy: Up, consoles: Consoles) -> None:
    page = consoles.open(busy, role="user")
    expect(page.locator(".figures > div", has_text="Done").locator("dd")).not_to_have_text("0")
    expect(page.get_by_text("No picture has been answered since the master started.")).to_be_visible()
    for hidden in ("What needs a person", "Pictures a second", "What to do first"):
        expect(page.get_by_role("region", name=hidden)).to_be_hidden()
    for path in ("history", "events"):
        assert page.evaluate(f"fetch('/v1/{path}').then(answer => answer.status)") == 403
    buffer = io.BytesIO()
    astronaut().save(buffer, "JPEG")
    own = Context(**{**vars(load_context(busy.data / "context.json")), "api_key": consoles.key(busy, "user")})
    with Client(own) as client:
        client.recognize(buffer.getvalue())
    expect(page.get_by_role("img", name="Predicted picture")).to_have_count(1)
    assert accessibility_trouble(page) == []


def test_what_one_does_to_a_node_the_other_sees(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, role="operator")
    states = page.get_by_role("region", name="Nodes by state")
    expect(states).to_contain_text("ready")
    with Client(load_context(up.data / "context.json")) as client:
        (node,) = client.nodes()
        try:
            client.tell_node(node.name, "pause")
            expect(states).to_contain_text("paused")
            expect(page.get_by_role("region", name="What needs a person")).to_contain_text("takes pictures")
        finally:
            client.tell_node(node.name, "resume")
    expect(states).to_contain_text("ready")
