"""The page of settings: keys, the threshold, what each role is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from background import MANYEYES, Background, free_port
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Seed, Up
from tests.e2e.console.conftest import PHONE, Consoles, accessibility_trouble

HOSTILE = "x<img src=x onerror=document.title='taken'>{{ 6 * 7 }}"


@pytest.fixture(scope="module")
def lone(place: Path, seed: Seed) -> Iterator[Up]:
    """A master without nodes, whose only admin is who started it."""
    data = place / "lone"
    seed(data)
    ports = ["--https-port", str(free_port()), "--nats-port", str(free_port())]
    command = [MANYEYES, "master", "--listen", "127.0.0.1", "--data", str(data), *ports]
    service = Background.start(command, place / "lone.log")
    try:
        service.wait_ready()
        yield Up(data, service)
    finally:
        service.stop()


def _make_key(page: Page, name: str, role: str = "user") -> str:
    """Make a key in the dialog, which stays open; the key."""
    page.get_by_role("button", name="Make a key").click()
    dialog = page.get_by_role("dialog", name="Make an API key")
    dialog.get_by_label("Name: whose it is").fill(name)
    dialog.get_by_role("radio", name=role).click()
    dialog.get_by_role("button", name="Make the key").click()
    shown = dialog.get_by_role("region", name="API key", exact=True)
    expect(shown).to_be_visible()
    return shown.inner_text()


def test_a_key_made_here_works_and_is_seen_elsewhere_until_it_is_revoked(
    lone: Up, consoles: Consoles, tmp_path: Path
) -> None:
    here, there = consoles.open(lone, "/settings"), consoles.open(lone, "/settings")
    key = _make_key(here, "olga's laptop", "operator")
    assert key.startswith("mek_")
    with here.expect_download() as begun:
        here.get_by_role("button", name="Save the context file").click()
    assert begun.value.suggested_filename == "olga-s-laptop.json"
    saved = tmp_path / "olga.json"
    begun.value.save_as(saved)
    assert json.loads(saved.read_text())["api_key"] == key
    as_olga = {"MANYEYES_CONTEXT": str(saved)}
    assert json.loads(lone.run("nodes", "list", "--json", env=as_olga).stdout) is not None
    assert lone.run("keys", "list", env=as_olga).returncode != 0
    expect(there.locator("tr").filter(has_text="olga's laptop")).to_contain_text("operator")
    here.get_by_role("button", name="Close: I have it").click()
    expect(here.get_by_role("dialog")).to_have_count(0)
    assert key not in here.content()
    there.locator("tr").filter(has_text="olga's laptop").get_by_role("button", name="Revoke").click()
    asked = there.get_by_role("dialog")
    expect(asked).to_contain_text("Every program that uses it is refused")
    asked.get_by_role("button", name="Revoke").click()
    expect(here.locator("tr").filter(has_text="olga's laptop")).to_have_count(0)
    refused = lone.run("nodes", "list", env=as_olga)
    assert refused.returncode != 0 and "revoked" in refused.stderr


def test_the_last_admin_key_stays(lone: Up, consoles: Consoles) -> None:
    page = consoles.open(lone, "/settings")
    page.locator("tr").filter(has_text="local admin").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("dialog")).to_contain_text("You are signed in with this key")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator("tr").filter(has_text="local admin").get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("is the last key with the role admin")).to_be_visible()
    expect(page.locator("tr").filter(has_text="local admin")).to_have_count(1)


def test_a_name_twice_is_refused_and_the_dialog_stays(lone: Up, consoles: Consoles) -> None:
    page = consoles.open(lone, "/settings")
    _make_key(page, "twice")
    page.get_by_role("button", name="Close: I have it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Make a key").click()
    dialog = page.get_by_role("dialog", name="Make an API key")
    dialog.get_by_label("Name: whose it is").fill("twice")
    dialog.get_by_role("button", name="Make the key").click()
    expect(page.get_by_text("'twice' already")).to_be_visible()
    expect(dialog.get_by_role("button", name="Make the key")).to_be_visible()
    assert lone.run("keys", "revoke", "twice").returncode == 0


def test_a_key_is_made_by_the_keyboard_alone(lone: Up, consoles: Consoles) -> None:
    page = consoles.open(lone, "/settings")
    button = page.get_by_role("button", name="Make a key")
    button.focus()
    page.keyboard.press("Enter")
    name = page.get_by_label("Name: whose it is")
    expect(name).to_be_focused()
    page.keyboard.type("typed")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="API key", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(
        page.get_by_role("region", name="API key", exact=True)
    ).to_be_visible()  # a key is not lost by one stroke
    close = page.get_by_role("button", name="Close: I have it")
    close.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    assert lone.run("keys", "revoke", "typed").returncode == 0


def test_a_keys_name_is_text(lone: Up, consoles: Consoles) -> None:
    page = consoles.open(lone, "/settings")
    _make_key(page, HOSTILE)
    expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
    page.get_by_role("button", name="Close: I have it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    row = page.locator("tr").filter(has_text=HOSTILE)
    row.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"Revoke the key {HOSTILE}?")
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0)
    assert page.locator("main img").count() == 0 and "taken" not in page.title()


def test_a_threshold_is_looked_at_first_then_set_and_seen_elsewhere(lone: Up, consoles: Consoles) -> None:
    here, there = consoles.open(lone, "/settings", "operator"), consoles.open(lone, "/settings")
    before = json.loads(lone.run("people", "threshold", "--json").stdout)
    here.get_by_role("radio", name="By how often a stranger").click()
    choice = here.get_by_role("region", name="With your choice")
    expect(choice).to_contain_text("by a false-match rate of 0.001")
    here.get_by_label("A stranger gets a name").click()
    here.get_by_role("option", name="1 in 10,000").click()
    expect(choice).to_contain_text("by a false-match rate of 0.0001")
    assert json.loads(lone.run("people", "threshold", "--json").stdout) == before
    seen = json.loads(lone.run("people", "threshold", "--fmr", "1e-4", "--dry-run", "--json").stdout)
    expect(choice).to_contain_text(f"{seen['threshold']:.3f}")
    here.get_by_role("button", name="Set it").click()
    for page in (here, there):
        expect(page.get_by_role("region", name="In force", exact=True)).to_contain_text(
            "by a false-match rate of 0.0001"
        )
    expect(choice).to_be_hidden()
    assert json.loads(lone.run("people", "threshold", "--json").stdout)["asked_fmr"] == 1e-4
    here.get_by_role("radio", name="By the distance itself").click()
    here.get_by_label("Distance, as 0.55").fill("44")
    expect(here.get_by_role("alert").filter(has_text="is not above 0 and at most")).to_be_visible()
    expect(here.get_by_role("button", name="Set it")).to_be_disabled()
    here.get_by_label("Distance, as 0.55").fill("half")
    expect(here.get_by_role("alert").filter(has_text="This is not a number")).to_be_visible()
    here.get_by_label("Distance, as 0.55").fill("0,5")
    expect(choice).to_contain_text("0.500")
    here.get_by_role("button", name="Set it").click()
    expect(there.get_by_role("region", name="In force", exact=True)).to_contain_text("as a distance")
    here.get_by_role("radio", name="Default of the pack").click()
    expect(choice).to_contain_text("by default")
    here.get_by_role("button", name="Set it").click()
    expect(there.get_by_role("region", name="In force", exact=True)).to_contain_text("by default")
    assert json.loads(lone.run("people", "threshold", "--json").stdout) == before


def test_settings_in_force_are_those_of_the_terminal(lone: Up, consoles: Consoles) -> None:
    page = consoles.open(lone, "/settings")
    told = json.loads(lone.run("settings", "--json").stdout)
    for one in told:
        assert page.get_by_role("cell", name=one["name"], exact=True).count() == 1, one["name"]
    expect(page.get_by_role("row").filter(has_text="MANYEYES_MASTER_SESSION_S")).to_contain_text("12 h")
    port = next(one["value"] for one in told if one["name"] == "MANYEYES_MASTER_HTTPS_PORT")
    expect(page.get_by_role("row").filter(has_text="MANYEYES_MASTER_HTTPS_PORT")).to_contain_text(str(port))
    assert "`" not in page.locator("#content").inner_text()
    page.get_by_role("checkbox", name="Only those that are not the default").click()
    changed = {one["name"] for one in told if one["changed"]}
    names = page.locator(".settings-table td:first-child")
    expect(names).to_have_count(len(changed))
    assert set(names.all_inner_texts()) == changed and "MANYEYES_MASTER_DATA" in changed


def test_each_role_is_shown_what_it_may_see(lone: Up, consoles: Consoles) -> None:
    page = consoles.open(lone, "/settings", "operator")
    expect(page.get_by_role("region", name="In force", exact=True)).to_be_visible()
    for part in ("API keys", "Settings in force"):
        refusal = page.get_by_role("region", name=part).get_by_role("note")
        expect(refusal).to_contain_text("this key's role is operator, at least admin is needed")
    page = consoles.open(lone, "/settings", "user")
    refusal = page.get_by_role("region", name="How sure a name must be").get_by_role("note")
    expect(refusal).to_contain_text("this key's role is user, at least operator is needed")
    expect(page.get_by_role("button", name="Make a key")).to_have_count(0)
    expect(page.get_by_role("table", name="What each role may do")).to_contain_text("Send pictures")
    expect(page.get_by_role("region", name="You")).to_contain_text("The session ends")


@pytest.mark.parametrize("dark", [False, True])
def test_settings_are_accessible(lone: Up, consoles: Consoles, dark: bool) -> None:
    page = consoles.open(lone, "/settings", dark=dark)
    page.get_by_role("radio", name="By how often a stranger").click()
    expect(page.get_by_role("region", name="With your choice")).to_be_visible()
    assert accessibility_trouble(page) == []
    page.set_viewport_size(PHONE)
    assert accessibility_trouble(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert accessibility_trouble(page, within=".q-dialog") == []
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    refused = consoles.open(lone, "/settings", "user", dark=dark, size=PHONE)
    assert accessibility_trouble(refused) == []
    assert refused.evaluate("document.documentElement.scrollWidth <= innerWidth")
