"""The first page: empty it says what to do first, then it shows what runs, to each what they may see."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import expect

from manyeyes import Client
from manyeyes.api.videos import Still
from manyeyes.errors import PictureError
from manyeyes.sdk.context import Context, load_context
from tests.e2e.conftest import Seed, Up
from tests.e2e.console.alone import Alone, running_alone
from tests.e2e.console.conftest import PHONE, Consoles, accessibility_trouble, ready
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
    expect(page.locator(".steps .q-btn--unelevated")).to_have_text(["Add people"])  # the first open step
    assert steps.nth(0).get_by_role("link").get_attribute("href") == "/console/people"
    assert steps.nth(1).get_by_role("link").get_attribute("href") == "/console/recognise"
    alerts = page.get_by_role("region", name="What needs a person")
    expect(alerts).to_contain_text("none joined")
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


def test_a_video_has_a_bar_for_each_time_at_which_somebody_is_seen(busy: Up, consoles: Consoles) -> None:
    buffer = io.BytesIO()
    astronaut().save(buffer, "JPEG")
    with Client(load_context(busy.data / "context.json")) as client:
        for time_s in (0, 2, 20):
            still = Still(video=HOSTILE, time_s=time_s, video_id="overview")
            client.recognize(buffer.getvalue(), picture=False, still=still)
        (video,) = [one for one in client.recent.videos().videos if one.video == HOSTILE]
    assert [(seen.name, seen.stills, len(seen.spans)) for seen in video.people] == [(HOSTILE, 3, 2)]
    page = consoles.open(busy, role="operator")
    shown = page.get_by_role("region", name="Latest videos").get_by_role("region", name=f"Video {HOSTILE}")
    expect(shown).to_contain_text("3 stills, one every 2 s, from 0:00 to 0:20")
    expect(shown.get_by_role("cell", name="0:00–0:02, 0:20")).to_be_visible()
    expect(shown.locator(".videos-bar")).to_have_count(2)
    assert accessibility_trouble(page) == []
    page.set_viewport_size(PHONE)
    assert accessibility_trouble(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # another key's videos are not shown to a user
    other = consoles.open(busy, role="user")
    expect(other.get_by_role("region", name="Latest pictures")).to_be_visible()
    expect(other.get_by_role("region", name="Latest videos")).to_be_hidden()


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


def test_a_picture_opens_large_and_is_corrected_there(busy: Up, consoles: Consoles) -> None:
    page = consoles.open(busy, role="operator")
    page.get_by_role("button", name="Open the picture of").first.click()
    dialog = page.get_by_role("dialog", name="Picture of")
    faces = dialog.get_by_role("table", name="Faces in the picture")
    expect(faces.get_by_role("row").nth(1)).to_contain_text(HOSTILE)
    image = dialog.get_by_role("img", name="Predicted picture")
    page.wait_for_function("image => image.naturalWidth > 0", arg=image.element_handle())
    box = image.bounding_box()
    assert box is not None and box["width"] > 300
    assert accessibility_trouble(page, within="dialog[open]") == []
    dialog.get_by_role("button", name="Face 1: say who it is").click()
    page.get_by_role("dialog", name="Who is face 1?").get_by_role("button", name="Only: not").click()
    expect(dialog.get_by_text(": noted.")).to_be_visible()
    with Client(load_context(busy.data / "context.json")) as client:
        (feedback,) = client.feedback()
        assert (feedback.verdict, feedback.name) == ("not", HOSTILE)
        dialog.get_by_role("button", name="Undo").click()
        expect(dialog.get_by_role("button", name="Face 1: say who it is")).to_be_visible()
        assert client.feedback() == []
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    page.set_viewport_size(PHONE)
    page.get_by_role("button", name="Open the picture of").first.click()
    expect(faces.get_by_role("row").nth(1)).to_contain_text("%")
    assert page.locator(".rec-table").evaluate("table => table.scrollWidth <= table.clientWidth")


def test_what_failed_is_counted_and_named_and_the_load_is_shown(busy: Up, consoles: Consoles) -> None:
    page = consoles.open(busy, role="operator")
    failed = page.locator(".figures > div", has_text="Failed")
    before = int(failed.locator("dd").inner_text())
    with Client(load_context(busy.data / "context.json")) as client, suppress(PictureError):
        client.recognize(b"this is no picture")
    expect(failed.locator("dd")).to_have_text(str(before + 1))
    expect(failed).to_contain_text("not a picture")
    expect(page.locator(".figures > div", has_text="Pictures/s")).to_contain_text("last minute")
    for part, name in (("Processors", "CPU"), ("Memory", "Memory"), ("How long a picture", "Latency")):
        chart = page.get_by_role("region", name=part).get_by_role("img", name=f"{name}")
        expect(chart).to_have_attribute("aria-label", re.compile("over the last hour: now"), timeout=40_000)


def test_an_unknown_page_has_the_frame_and_a_way_back(busy: Up, consoles: Consoles) -> None:
    page = consoles.open(busy, "/", "user")
    answer = page.goto(f"{busy.context['url']}/console/xyz/%3Cb%3E{{{{6*7}}}}")
    assert answer is not None and answer.status == 404
    ready(page)
    expect(page.get_by_role("alert")).to_contain_text("The console has no page /xyz/<b>{{6*7}}")
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Recognise")).to_be_visible()
    assert accessibility_trouble(page) == []
    page.locator("#content").get_by_role("link", name="Overview").click()
    page.wait_for_url("**/console/")


def test_the_tab_key_reaches_the_way_past_the_menu_first(busy: Up, consoles: Consoles) -> None:
    page = consoles.open(busy)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('content').contains(document.activeElement)")
    widths = page.locator(".menu-entry").evaluate_all("all => all.map(entry => entry.offsetWidth)")
    assert len(set(widths)) == 1


def test_no_row_of_cards_has_an_empty_place(busy: Up, consoles: Consoles) -> None:
    page = consoles.open(busy)
    for width in (800, 1280, 1700):
        page.set_viewport_size({"width": width, "height": 900})
        columns, cards = page.locator(".thirds").evaluate(
            "grid => [getComputedStyle(grid).gridTemplateColumns.split(' ').length, grid.children.length]"
        )
        assert cards % columns == 0, width


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
