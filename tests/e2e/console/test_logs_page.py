"""The page of logs: the tail, filters, one picture's way, what a user may see, what lines hold is text."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from manyeyes import Client, ManyeyesError, TraceNotFound
from manyeyes.sdk.context import Context, load_context
from tests.e2e.conftest import Up
from tests.e2e.console.conftest import PHONE, Consoles, accessibility_trouble, ready
from tests.e2e.pictures import astronaut

HOSTILE = "x<img src=x onerror=document.title='taken'>{{ 6 * 7 }}"
_MOST_ROWS = 500


def _picture(brightness: int) -> bytes:
    """One face, in other bytes for each brightness."""
    kept = io.BytesIO()
    Image.eval(astronaut(), lambda value: min(255, value + brightness)).save(kept, "JPEG")
    return kept.getvalue()


def _context(up: Up, key: str = "") -> Context:
    context = load_context(up.data / "context.json")
    return replace(context, api_key=key) if key else context


def _sent(up: Up, brightness: int, key: str = "") -> str:
    """Send a picture; its trace id, when its line can be read."""
    with Client(_context(up, key)) as client:
        trace_id = client.recognize(_picture(brightness)).result.trace_id
    assert trace_id
    with Client(_context(up)) as client:
        _eventually(lambda: any(span.name == "picture" for span in client.logs.trace(trace_id).spans))
    return trace_id


def _eventually(true: Callable[[], bool], within_s: float = 20) -> None:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            if true():
                return
        except TraceNotFound:
            pass
        time.sleep(0.1)
    pytest.fail(f"it was not so within {within_s:g} s")


def _junk(up: Up, number: int, mark: str) -> None:
    """So many lines, cheaply: what is no picture is refused, and has a line of its own; the key's name is in it."""
    with Client(_context(up)) as client:
        key = client.create_key(mark).key

    def send(_: int) -> None:
        with pytest.raises(ManyeyesError):
            sender.recognize(b"this is no picture")

    with Client(_context(up, key)) as sender, ThreadPoolExecutor(8) as threads:
        list(threads.map(send, range(number)))
    with Client(_context(up)) as client:
        _eventually(lambda: len(client.logs.list(text=mark, limit=1000).lines) >= number)
        client.revoke_key(mark)


def _rows(page: Page) -> int:
    return page.locator("tr[data-number]").count()


def test_new_lines_come_by_themselves_until_paused(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/logs")
    first = _sent(up, 1)
    expect(page.get_by_role("link", name=f"Trace of the picture {first}").first).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("new lines wait until you resume")).to_be_visible()
    second = _sent(up, 2)
    assert page.get_by_role("link", name=f"Trace of the picture {second}").count() == 0
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("link", name=f"Trace of the picture {second}").first).to_be_visible()


def test_a_page_out_of_sight_follows_nothing_and_catches_up(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/logs")
    turn = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(turn, True)
    expect(page.get_by_text("the page is out of sight")).to_be_attached()
    trace_id = _sent(up, 3)
    assert page.get_by_role("link", name=f"Trace of the picture {trace_id}").count() == 0
    page.evaluate(turn, False)
    expect(page.get_by_role("link", name=f"Trace of the picture {trace_id}").first).to_be_visible()


def test_lines_are_chosen_and_the_address_says_which(up: Up, consoles: Consoles) -> None:
    trace_id = _sent(up, 4)
    page = consoles.open(up, "/logs")
    page.get_by_label("Text in the line").fill("drawn_bytes")
    expect(
        page.locator(".log-event").filter(has_not_text=re.compile("^attempt at a picture done"))
    ).to_have_count(0)
    page.get_by_label("Machine", exact=True).fill("master")
    expect(page.get_by_text("No log lines match.")).to_be_visible()
    page.get_by_label("Text in the line").fill("")
    page.get_by_label("Machine", exact=True).fill("lab-99")
    expect(page.get_by_text("no machine is called 'lab-99'")).to_be_visible()
    page.get_by_label("Machine", exact=True).fill("master")
    expect(page.locator(f"a[title='{trace_id}']")).to_have_count(1)
    expect(page.locator(".log-machine").filter(has_not_text="master")).to_have_count(0)
    assert page.url.endswith("/logs?machine=master")
    page.reload()
    ready(page)
    expect(page.locator(f"a[title='{trace_id}']")).to_have_count(1)
    page.get_by_label("Level").click()
    page.get_by_role("option", name="error and above").click()
    expect(page.locator(".log-level").filter(has_text="info")).to_have_count(0)


def test_older_lines_come_on_demand_and_the_page_keeps_so_many(up: Up, consoles: Consoles) -> None:
    _junk(up, 520, "junk sender")
    page = consoles.open(up, "/logs?text=junk+sender")
    expect(page.locator("tr[data-number]")).to_have_count(200)
    page.get_by_role("button", name="Older lines").click()
    expect(page.locator("tr[data-number]")).to_have_count(400)
    expect(page.get_by_text("Paused", exact=True)).to_be_visible()
    oldest = page.locator("tr[data-number]").last.get_attribute("data-number")
    page.get_by_role("button", name="Older lines").click()
    expect(page.locator("tr[data-number]").last).not_to_have_attribute("data-number", str(oldest))
    assert _rows(page) == _MOST_ROWS
    numbers = page.locator("tr[data-number]").evaluate_all("rows => rows.map(row => +row.dataset.number)")
    assert numbers == sorted(numbers, reverse=True)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("tr[data-number]")).to_have_count(200)


def test_one_picture_is_followed_here_and_in_the_terminal(up: Up, consoles: Consoles) -> None:
    trace_id = _sent(up, 5)
    page = consoles.open(up, "/logs")
    page.get_by_label("Trace id of a picture").fill(f" {trace_id.upper()} ")
    page.get_by_role("button", name="Show its trace").click()
    way = page.get_by_role("table", name="Where the time went")
    expect(way).to_be_visible()
    shown = [
        (str(name).split("\n")[0].strip(), str(took).strip())
        for name, took in way.locator("tbody tr").evaluate_all(
            "rows => rows.map(row => [row.cells[0].innerText, row.cells[3].innerText])"
        )
    ]
    assert [name for name, _ in shown][:4] == ["picture", "take in", "queue", "attempt"]
    assert {"fetch", "work", "detect", "embed", "deliver", "answer"} <= {name for name, _ in shown}
    told = up.run("logs", "--trace", trace_id)
    assert told.returncode == 0, told.stderr
    for name, took in shown:
        assert re.search(
            rf"^ *{re.escape(name)} +\S.* {re.escape(took.replace(',', ''))} ", told.stdout, re.M
        ), (name, took)
    facts = page.get_by_role("region", name="Facts")
    for fact in ("done", "local admin", "image/jpeg"):
        expect(facts.get_by_text(fact).first).to_be_visible()
    lines = page.get_by_role("table", name="Lines of this picture, the newest first")
    expect(lines.locator("tr[data-number]")).to_have_count(2)
    page.get_by_role("link", name="All lines").click()
    page.wait_for_url("**/console/logs")


def test_a_trace_that_is_not_here_says_so(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/logs?trace=" + 32 * "a")
    expect(page.get_by_role("alert")).to_contain_text("the logs hold no line of trace")
    expect(page.get_by_text("mistyped or cut short")).to_be_visible()
    page.get_by_label("Trace id of a picture").fill("1234")
    page.get_by_role("button", name="Show its trace").click()
    expect(page.get_by_role("alert")).to_contain_text("'1234' is not a trace id")


def test_a_user_sees_the_way_of_own_pictures_only(up: Up, consoles: Consoles) -> None:
    mine = _sent(up, 6, consoles.key(up, "user"))
    other = _sent(up, 7)
    page = consoles.open(up, "/logs", "user")
    expect(page.get_by_role("alert")).to_contain_text("this key's role is user, at least operator is needed")
    page.get_by_label("Trace id of a picture").fill(mine)
    page.get_by_role("button", name="Show its trace").click()
    expect(page.get_by_role("table", name="Where the time went")).to_be_visible()
    page.get_by_label("Trace id of a picture").fill(other)
    page.get_by_role("button", name="Show its trace").click()
    expect(page.get_by_role("alert")).to_contain_text("the logs hold no line of trace")
    expect(page.get_by_text("sent with another key than yours")).to_be_visible()
    assert other not in page.locator("table").all_inner_texts()


def test_what_a_line_holds_is_text(up: Up, consoles: Consoles) -> None:
    with Client(_context(up)) as client:
        key = client.create_key(HOSTILE).key
    trace_id = _sent(up, 8, key)
    page = consoles.open(up, "/logs?machine=master")
    line = page.locator("tr[data-number]").filter(has=page.locator(f"a[title='{trace_id}']"))
    line.get_by_role("button").click()
    expect(page.locator(".log-more dd").filter(has_text=HOSTILE)).to_be_visible()
    page.goto(f"{up.context['url']}/console/logs?trace={trace_id}")
    ready(page)
    expect(page.get_by_role("definition").filter(has_text=HOSTILE).first).to_be_visible()
    assert page.locator("main img").count() == 0 and "taken" not in page.title()
    page.goto(
        f"{up.context['url']}/console/logs?machine=%3Cimg%20src=x%20onerror=alert(1)%3E&text=%7B%7B6*7%7D%7D"
    )
    ready(page)
    expect(page.get_by_text("No log lines match.")).to_be_visible()
    assert page.locator("main img").count() == 0
    expect(page.get_by_label("Text in the line")).to_have_value("{{6*7}}")
    with Client(_context(up)) as client:
        client.revoke_key(HOSTILE)


def test_a_row_opens_by_the_keyboard(up: Up, consoles: Consoles) -> None:
    trace_id = _sent(up, 9)
    page = consoles.open(up, f"/logs?trace={trace_id}")
    button = page.locator("tr[data-number]").filter(has_text="attempt").get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".log-more").get_by_text("stages_ms")).to_be_visible()
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    page.keyboard.press("Space")
    expect(page.locator(".log-more")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True])
def test_logs_are_accessible(up: Up, consoles: Consoles, dark: bool) -> None:
    trace_id = _sent(up, 10 + dark)
    page = consoles.open(up, "/logs", dark=dark)
    page.locator("tr[data-number] button").first.click()
    expect(page.locator(".log-more")).to_be_visible()
    assert accessibility_trouble(page) == []
    for path in ("/logs?text=nowhere+at+all", f"/logs?trace={trace_id}", "/logs?trace=" + 32 * "b", "/logs"):
        page.goto(f"{up.context['url']}/console{path}")
        ready(page)
        page.set_viewport_size(PHONE)
        assert accessibility_trouble(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
