"""The console's page of unknown faces: kept only where an admin wants it, named in one step, dismissed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Up
from tests.e2e.console.conftest import PHONE, Consoles, accessibility_trouble
from tests.e2e.console.people import client_of, forget_everybody, photo

PATH = "/people/unknown"


@pytest.fixture(autouse=True)
def nobody(up: Up) -> Iterator[None]:
    forget_everybody(up)
    yield
    forget_everybody(up)


def keep(up: Up) -> None:
    with client_of(up) as client:
        client.faces.keep(86_400)


def see(up: Up, *numbers: int) -> None:
    """Have the master answer these photos of one unknown woman."""
    with client_of(up) as client:
        for number in numbers:
            client.recognize(photo(number), picture=False)


def answer(page: Page, text: str) -> None:
    """Press a button of the dialog that is open."""
    page.get_by_role("dialog").get_by_role("button", name=text).click()


def test_an_admin_turns_it_on_and_off_and_the_page_says_what_it_means(up: Up, consoles: Consoles) -> None:
    page, other = consoles.open(up, PATH), consoles.open(up, PATH, "operator", size=PHONE, dark=True)
    for window in (page, other):
        expect(window.get_by_role("status").filter(has_text="Unknown faces are not kept.")).to_be_visible()
        expect(window.get_by_text("pictures of people who may not know of it")).to_be_visible()
        assert accessibility_trouble(window) == []
    expect(other.get_by_text("An admin can change this.")).to_be_visible()
    assert other.get_by_role("button", name="Turn on").count() == 0
    refused = other.evaluate(
        """async () => (await fetch("/v1/faces/retention", {
            method: "PUT", headers: { "Content-Type": "application/json" }, body: '{"for_s": 3600}',
        })).status"""
    )
    assert refused == 403
    page.get_by_label("Keep each for").click()
    page.get_by_role("option", name="1 day", exact=True).click()
    page.get_by_role("button", name="Turn on").click()
    for window in (page, other):
        expect(
            window.get_by_text("Unknown faces are kept for 1 day each: 0 now, 2,000 at most.")
        ).to_be_visible()
    see(up, 0, 1)
    expect(page.get_by_role("heading", name="2 faces")).to_be_visible()
    page.get_by_role("button", name="Turn off", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("2 unknown faces and all that was learned from them")
    answer(page, "Cancel")
    page.get_by_role("button", name="Turn off", exact=True).click()
    answer(page, "Turn off and delete")
    for window in (page, other):
        expect(window.get_by_role("status").filter(has_text="Unknown faces are not kept.")).to_be_visible()
        expect(window.locator(".group")).to_have_count(0)
    with client_of(up) as client:
        assert (client.faces.retention().on, client.faces.retention().kept) == (False, 0)


def test_a_group_is_named_in_one_step_without_those_unticked(up: Up, consoles: Consoles) -> None:
    keep(up)
    page, other = (
        consoles.open(up, PATH, "operator"),
        consoles.open(up, PATH, "operator", size=PHONE, dark=True),
    )
    see(up, 0, 1, 2)
    for window in (page, other):
        expect(window.get_by_role("heading", name="3 faces")).to_be_visible()
        expect(window.get_by_text("Nobody is enrolled yet.")).to_be_visible()
        window.wait_for_function(
            "() => [...document.querySelectorAll('.crop img')].every((i) => i.naturalWidth)"
        )
        assert accessibility_trouble(window) == []
    page.get_by_role("checkbox").nth(2).focus()
    page.keyboard.press("Space")
    page.get_by_label("Who is this?").focus()
    page.keyboard.type("Ada <b>x</b>")
    expect(page.get_by_role("button", name="Name 2 faces")).to_be_enabled()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="2 faces added to")).to_be_visible()
    page.get_by_role("link", name="Ada <b>x</b>").click()
    expect(page.get_by_role("button", name="Remove photo")).to_have_count(2)
    expect(page.get_by_text("From unknown faces").first).to_be_visible()
    # the third is the same woman: it would get her name now, so it is unknown no more
    expect(other.get_by_role("heading", name="There are no unknown faces now.")).to_be_visible()
    with client_of(up) as client:
        (face,) = client.recognize(photo(3), picture=False).result.faces
        assert face.name == "Ada <b>x</b>"


def test_a_group_can_be_given_to_somebody_known(up: Up, consoles: Consoles) -> None:
    keep(up)
    see(up, 0)
    with client_of(up) as client:
        client.set_threshold(distance=0.05)
        try:
            client.add_person("Ada", photo(9))
            page = consoles.open(up, PATH, "operator")
            expect(page.get_by_text("Ada is near, at distance 0.")).to_be_visible()
            names = page.locator("#known-people option").evaluate_all("(all) => all.map((one) => one.value)")
            assert names == ["Ada"]
            page.get_by_role("button", name="Fill in Ada").click()
            page.get_by_role("button", name="Name it").click()
            expect(page.get_by_role("status").filter(has_text="1 face added to")).to_be_visible()
            assert client.person("Ada").photos == 2
        finally:
            client.set_threshold()


def test_a_group_is_dismissed(up: Up, consoles: Consoles) -> None:
    keep(up)
    see(up, 0, 1)
    page, other = consoles.open(up, PATH, "operator"), consoles.open(up, PATH, "operator")
    page.get_by_role("button", name="Dismiss 2 faces").click()
    expect(page.get_by_role("dialog")).to_contain_text("faces like them are not shown for 1 day")
    answer(page, "Dismiss")
    for window in (page, other):
        expect(window.get_by_role("heading", name="There are no unknown faces now.")).to_be_visible()
    with client_of(up) as client:
        assert client.people() == []


def test_whoever_may_not_is_told_by_the_gateway(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, PATH, "user")
    expect(page.get_by_role("alert")).to_contain_text("The API key's role does not allow this")
