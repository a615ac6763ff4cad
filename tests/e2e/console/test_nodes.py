"""The pages of nodes: acting on them, two browsers, a thousand of them, and what goes away while one looks."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from background import MANYEYES, Background
from playwright.sync_api import Page, expect

from manyeyes.contract import HostFacts
from manyeyes.identity import make_nkey
from manyeyes.store.repositories import Store
from tests.e2e.conftest import Seed, Up
from tests.e2e.console.alone import Alone, running_alone
from tests.e2e.console.conftest import PHONE, Consoles, accessibility_trouble, ready
from tests.e2e.console.people import client_of

CROWD = 1000
HOSTILE = "<img src=x onerror=document.title='taken'>{{ 6 * 7 }}"
_REBORN_MS = 10_000


def _register(file: Path) -> None:
    """A thousand nodes that were here once; one waits for approval, one calls its host what no host is called."""
    with closing(Store.open(file)) as kept:
        for number in range(CROWD):
            host = HostFacts(
                hostname=HOSTILE if number == 3 else f"host-{number}.example",
                system="Linux",
                cpu="c",
                cores=4,
                memory_bytes=8_000_000_000,
                python="3.11",
            )
            kept.nodes.add(f"crowd-{number}", make_nkey().public, "t", host, approved=number != 7)


@pytest.fixture(scope="module")
def crowded(place: Path, seed: Seed) -> Iterator[Up]:
    """A master that knows a thousand nodes."""
    data = place / "crowded"
    seed(data)
    _register(data / "master.db")
    alone = Alone(data)
    try:
        yield alone.up
    finally:
        alone.up.service.stop()


@pytest.fixture(scope="module")
def alone(place: Path, seed: Seed) -> Iterator[Alone]:
    """A master without a node."""
    yield from running_alone(place / "alone", seed)


def _rows(page: Page) -> list[str]:
    return page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.dataset.key)")


def _node(up: Up, token: str, name: str, place: Path) -> Background:
    command = [
        MANYEYES,
        "node",
        "--data",
        str(place / name),
        "--join",
        token,
        "--name",
        name,
        "--workers",
        "1",
    ]
    return Background.start(command, place / f"{name}.log")


def test_a_thousand_nodes_are_searched_sorted_and_turned_over(crowded: Up, consoles: Consoles) -> None:
    page = consoles.open(crowded, "/nodes")
    expect(page.locator("tbody tr")).to_have_count(50)
    assert _rows(page)[:3] == ["crowd-0", "crowd-1", "crowd-2"]
    page.get_by_role("button", name="Next").click()
    expect(page.locator("tbody tr").first).to_have_attribute("data-key", "crowd-50")
    expect(page.get_by_text("51–100 of 1,000")).to_be_visible()
    page.get_by_label("Search name").fill("host-99 lost")
    expect(page.locator("tbody tr")).to_have_count(11)
    assert _rows(page) == ["crowd-99", *(f"crowd-{number}" for number in range(990, 1000))]
    page.get_by_role("button", name="Node", exact=True).click()
    expect(page.locator("tbody tr").first).to_have_attribute("data-key", "crowd-999")
    assert page.locator("th").first.get_attribute("aria-sort") == "descending"
    page.reload()  # the address says what is looked at
    expect(page.locator("tbody tr")).to_have_count(11)
    assert _rows(page)[0] == "crowd-999"
    page.get_by_label("Search name").fill("nowhere")
    expect(page.get_by_text("No nodes match.")).to_be_visible()


def test_what_a_node_says_of_itself_is_text(crowded: Up, consoles: Consoles) -> None:
    page = consoles.open(crowded, "/nodes?search=crowd-3")
    expect(page.get_by_role("cell", name=HOSTILE, exact=True)).to_be_visible()
    page.get_by_role("link", name="crowd-3", exact=True).click()
    expect(page.get_by_role("definition").filter(has_text=HOSTILE)).to_be_visible()
    assert page.title() == "crowd-3 · manyeyes"
    page.goto(f"{crowded.context['url']}/console/nodes/%7B%7B6*7%7D%7D")
    expect(page.get_by_role("alert").get_by_text("no node is called '{{6*7}}'")).to_be_visible()
    assert page.get_by_role("heading", level=1).inner_text() == "{{6*7}}"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("path", ["/nodes", "/nodes/crowd-7"])
def test_many_nodes_are_accessible(crowded: Up, consoles: Consoles, path: str, dark: bool) -> None:
    page = consoles.open(crowded, path, dark=dark)
    assert accessibility_trouble(page) == []
    page.set_viewport_size(PHONE)
    assert accessibility_trouble(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_node_is_let_in_from_the_table(crowded: Up, consoles: Consoles) -> None:
    page = consoles.open(crowded, "/nodes?search=crowd-7&sort=name")
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)


def test_a_question_stays_open_while_the_page_changes(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/nodes", "operator")
    page.locator("tbody a").first.click()
    page.get_by_role("button", name="Drain").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    with client_of(up) as client:
        (node,) = client.nodes()
        try:
            client.tell_node(node.name, "pause")  # Resume takes the place of Pause: the buttons are made anew
            expect(page.locator(".node-state")).to_contain_text("paused")
            dialog.get_by_role("button", name="Drain").click()
            expect(dialog).to_have_count(0)
            expect(page.get_by_text("drained by an operator")).to_be_visible()
        finally:
            client.tell_node(node.name, "resume")
            expect(page.locator(".node-state")).to_contain_text("ready")


def test_two_browsers_see_one_pause_resume_and_the_other_follows(up: Up, consoles: Consoles) -> None:
    first, second = (consoles.open(up, "/nodes", "operator") for _ in range(2))
    first.locator("tbody a").first.focus()
    first.keyboard.press("Enter")
    pause = first.get_by_role("button", name="Pause")
    pause.focus()
    first.keyboard.press("Enter")
    dialog = first.get_by_role("dialog")
    expect(dialog).to_contain_text("It keeps its workers.")
    dialog.get_by_role("button", name="Pause").focus()
    first.keyboard.press("Enter")
    try:
        expect(first.locator(".node-state")).to_contain_text("paused")
        expect(second.locator("tbody tr").first).to_contain_text("paused")
    finally:
        first.get_by_role("button", name="Resume").click()
        first.get_by_role("dialog").get_by_role("button", name="Resume").click()
    expect(first.locator(".node-state")).to_contain_text("ready")
    expect(second.locator("tbody tr").first).to_contain_text("ready")
    assert accessibility_trouble(first) == []


def test_who_only_sends_pictures_sees_no_nodes(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/nodes", "user")
    expect(page.locator(".trouble")).to_contain_text("operator")
    expect(page.locator("tbody tr")).to_have_count(0)
    status = page.evaluate("fetch('/v1/nodes/any/pause', {method: 'POST'}).then(answer => answer.status)")
    assert status == 403
    operator = consoles.open(up, "/nodes", "operator")
    operator.get_by_role("button", name="Add a machine").click()
    expect(operator.get_by_role("dialog")).to_contain_text("Tokens are made by admins.")
    expect(operator.get_by_role("button", name="Make a join command")).to_have_count(0)
    refused = operator.evaluate(
        "fetch('/v1/tokens', {method: 'POST', headers: {'Content-Type': 'application/json'}, "
        "body: '{\"expires_s\": 60}'}).then(answer => answer.status)"
    )
    assert refused == 403


def test_a_machine_joins_dies_is_removed_and_the_master_dies_while_pages_are_open(
    alone: Alone, consoles: Consoles, tmp_path: Path
) -> None:
    page = consoles.open(alone.up, "/nodes")
    expect(page.get_by_text("No node has joined yet.")).to_be_visible()
    assert accessibility_trouble(page) == []
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Add a machine").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("checkbox", name="Each waits until it is approved here").click()
    dialog.get_by_role("button", name="Make a join command").click()
    command = dialog.get_by_role("region", name="Command that joins").inner_text()
    assert command.startswith("manyeyes node --join me1_")
    expect(dialog.get_by_role("alert")).to_contain_text("--listen 0.0.0.0'; people, nodes and keys stay")
    assert accessibility_trouble(page, ".q-dialog") == []
    dialog.get_by_role("button", name="Copy: Command that joins").click()
    expect(dialog.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == command
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)

    node = _node(alone.up, command.split()[-1], "lab-1", tmp_path)
    try:
        expect(page.locator("tbody tr").first).to_contain_text("waiting for approval")
        own = consoles.open(alone.up, "/nodes/lab-1", "operator")
        own.get_by_role("button", name="Approve").click()
        own.get_by_role("dialog").get_by_role("button", name="Approve").click()
        expect(own.locator(".node-state")).to_contain_text("ready", timeout=60_000)
        expect(own.get_by_role("cell", name="idle")).to_be_visible()
        expect(page.locator("tbody tr").first).to_contain_text("ready")

        node.kill()
        expect(page.locator("tbody tr").first).to_contain_text("lost")
        expect(own.locator(".node-state")).to_contain_text("lost")

        process = psutil.Process(alone.up.service.process.pid)
        family = [process, *process.children(recursive=True)]
        os.kill(process.pid, signal.SIGKILL)
        expect(page.get_by_text("The master does not answer.")).to_be_visible()
        for member in family:
            if member.is_running():
                member.kill()
        alone.up.service.process.wait(10)
        page.evaluate("window.isOfBefore = true")
        alone.start()
        for shown in (page, own):
            expect(shown.get_by_text("lost").first).to_be_visible(timeout=_REBORN_MS)
            expect(shown.get_by_text("The master does not answer.")).not_to_be_visible(timeout=_REBORN_MS)
        page.wait_for_function("!window.isOfBefore", timeout=_REBORN_MS)
        ready(page)
        expect(page.locator("tbody tr").first).to_contain_text("not heard of since the master started")

        page.get_by_role("link", name="lab-1").click()
        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_role("dialog")).to_contain_text("a new token and a new data folder")
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        for shown in (page, own):
            expect(shown.get_by_role("alert").get_by_text("node 'lab-1' was removed")).to_be_visible()
            expect(shown.get_by_role("button", name="Remove")).to_have_count(0)
    finally:
        node.kill()
