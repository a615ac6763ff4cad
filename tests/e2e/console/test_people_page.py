"""The console's page of people: adding by photo, one person's page, what two browsers see, who may not."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from manyeyes.packs.embedders import DEFAULT_EMBEDDER
from tests.e2e.conftest import Up
from tests.e2e.console.conftest import PHONE, Consoles, accessibility_trouble
from tests.e2e.console.people import (
    as_file,
    client_of,
    forget_everybody,
    no_face,
    photo,
    small_photo,
    two_faces,
)

MARKUP = 'Ada "x" / <img src=x onerror=alert(1)> {{ 7*7 }}'


@pytest.fixture(autouse=True)
def nobody(up: Up) -> Iterator[None]:
    forget_everybody(up)
    yield
    forget_everybody(up)


def enrol(up: Up, name: str, *photos: bytes) -> None:
    with client_of(up) as client:
        client.add_person(name, list(photos))


def give_feedback(up: Up, is_not: str) -> None:
    with client_of(up) as client:
        (face,) = client.recognize(photo(), picture=False).result.faces
        client.give_feedback(face.reference, is_not=is_not, file_name="party.jpg")


def open_person(consoles: Consoles, up: Up, name: str, **how: object) -> Page:
    page = consoles.open(up, "/people", **how)  # type: ignore[arg-type]
    page.get_by_role("link", name=name).first.click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    return page


OPENED = "() => !document.querySelector('[class*=-enter-active]')"
"""A dialog has come in: a person presses no key before."""


def test_the_first_person_is_added_with_the_keyboard_alone(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/people", "operator", size=PHONE)
    expect(page.get_by_role("heading", name="Nobody is known yet")).to_be_visible()
    assert accessibility_trouble(page) == []
    page.get_by_role("button", name="Add the first person").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.wait_for_function(OPENED)
    page.keyboard.type("Ada")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Choose photos")).to_be_focused()
    with page.expect_file_chooser() as choosing:
        page.keyboard.press("Enter")
    choosing.value.set_files([as_file("good.jpg", photo()), as_file("small.jpg", small_photo())])
    expect(page.get_by_role("button", name="Add 2 photos")).to_be_visible()
    assert accessibility_trouble(page, "[role=dialog]") == []
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.press("Enter")
    done = page.get_by_role("dialog")
    expect(done.get_by_role("status")).to_contain_text("2 photos added, 2 photos in all. One of them")
    small = done.get_by_role("listitem").filter(has_text="small.jpg")
    expect(small).to_contain_text("px wide, 80 or more is better")
    expect(done.get_by_role("listitem").filter(has_text="good.jpg")).to_contain_text("Nothing to improve.")
    frame, picture = small.locator(".framed-face").bounding_box(), small.locator("img").bounding_box()
    assert frame and picture
    assert 0.1 < frame["width"] / picture["width"] < 0.4, "the face is marked, and not the whole photo"
    left_part = (frame["x"] - picture["x"]) / picture["width"]
    assert 0.2 < left_part < 0.6
    assert accessibility_trouble(page, "[role=dialog]") == []
    done.get_by_role("button", name="Done").focus()
    page.keyboard.press("Enter")
    card = page.get_by_role("link", name="Ada")
    expect(card).to_contain_text("2 photos")
    page.wait_for_function("() => document.querySelector('.face img')?.naturalWidth > 0")
    card.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/people/person?name=Ada")


def test_a_photo_at_fault_says_so_and_nothing_is_added(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/people")
    page.get_by_role("button", name="Add the first person").click()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Type the name first.")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Ada")
    faulty = {
        "nobody.jpg": (no_face(), "No face found"),
        "pair.jpg": (two_faces(), "2 faces found, 1 is allowed"),
        "text.jpg": (b"no picture at all", "not a picture"),
    }
    files = [as_file("good.jpg", photo())]
    page.get_by_label("Photos", exact=True).set_input_files(
        files + [as_file(name, content) for name, (content, _) in faulty.items()]
    )
    dialog, seen = page.get_by_role("dialog"), set()
    for left in (3, 2, 1):
        page.get_by_role("button", name=f"Add {left + 1} photos").click()
        wrong = dialog.locator(".faulty")
        expect(wrong).to_have_count(1)
        name = wrong.locator(".photo-file").inner_text()
        expect(wrong).to_contain_text(faulty[name][1], ignore_case=True)
        expect(dialog.get_by_role("alert")).to_contain_text(f"{name} cannot be used, so nothing was added")
        with client_of(up) as client:
            assert client.people() == []
        seen.add(name)
        page.get_by_role("button", name=f"Leave out {name}").click()
    assert seen == set(faulty)
    page.get_by_role("button", name="Add 1 photo").click()
    expect(dialog.get_by_role("status")).to_contain_text("1 photo added")


_GIVE = """async ({kind, name, content}) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
    const event = kind === "paste"
        ? new ClipboardEvent(kind, { clipboardData: transfer, bubbles: true, cancelable: true })
        : new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
    return event.defaultPrevented;
}"""


def test_photos_can_be_dropped_and_pasted(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/people")
    page.wait_for_selector(".empty")

    def give(kind: str, content: bytes) -> None:
        said = {"kind": kind, "name": "image.jpg", "content": base64.b64encode(content).decode()}
        assert page.evaluate(_GIVE, said), "the browser must not open the file itself"

    give("dragover", photo())
    give("drop", photo())
    give("paste", photo(1))
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".photo-file")).to_have_text(["image.jpg", "image (2).jpg"])
    dialog.get_by_label("Name", exact=True).fill("Ada")
    dialog.get_by_role("button", name="Add 2 photos").click()
    expect(dialog.get_by_role("status")).to_contain_text("2 photos added")
    give("paste", photo(2))
    dialog.get_by_role("button", name="Add 1 photo").click()
    expect(dialog.get_by_role("status")).to_contain_text("1 photo added, 3 photos in all")


def test_two_browsers_see_each_others_change(up: Up, consoles: Consoles) -> None:
    enrol(up, "Ada", photo(), photo(1))
    grid = consoles.open(up, "/people", "operator")
    theirs = open_person(consoles, up, "Ada")
    mine = open_person(consoles, up, "Ada", dark=True)
    assert accessibility_trouble(mine) == []
    mine.get_by_role("button", name="Remove photo").first.click()
    mine.get_by_role("dialog").get_by_role("button", name="Remove").click()
    for page in (mine, theirs):
        expect(page.get_by_role("button", name="Remove photo")).to_have_count(1)
    expect(grid.get_by_role("link", name="Ada")).to_contain_text("1 photo")
    mine.get_by_role("button", name="Rename").click()
    mine.get_by_label("New name").fill(MARKUP)
    assert accessibility_trouble(mine, "[role=dialog]") == []
    mine.keyboard.press("Enter")
    expect(mine.get_by_role("heading", name=MARKUP)).to_be_visible()
    expect(theirs.get_by_role("heading", name="Nobody is called 'Ada'")).to_be_visible()
    expect(grid.get_by_role("link", name=MARKUP)).to_be_visible()
    assert grid.locator("img[src=x]").count() == mine.locator("img[src=x]").count() == 0
    assert mine.title() == f"{MARKUP} · manyeyes"
    mine.get_by_role("button", name="Delete").click()
    asked = mine.get_by_role("dialog", name=f"Delete {MARKUP}?")
    expect(asked).to_contain_text(f"1 photo and 0 feedback entries of {MARKUP} go with the name.")
    assert mine.locator("img[src=x]").count() == 0
    asked.get_by_role("button", name="Delete").click()
    mine.wait_for_url("**/console/people")
    for page in (mine, grid):
        expect(page.get_by_role("heading", name="Nobody is known yet")).to_be_visible()
    with client_of(up) as client:
        assert client.people() == []


def test_a_photo_of_the_last_one_is_refused_in_the_words_of_the_gateway(up: Up, consoles: Consoles) -> None:
    enrol(up, "Ada", photo())
    page = open_person(consoles, up, "Ada")
    page.get_by_role("button", name="Remove photo").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("alert").filter(has_text="is the last one of 'Ada'")).to_be_visible()


def test_photos_are_added_to_a_person(up: Up, consoles: Consoles) -> None:
    enrol(up, "Ada", photo())
    page = open_person(consoles, up, "Ada")
    page.get_by_role("button", name="Add photos").click()
    page.get_by_label("Photos", exact=True).set_input_files([as_file("second.jpg", photo(1))])
    page.get_by_role("button", name="Add 1 photo").click()
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("1 photo added, 2 photos in all")
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("button", name="Remove photo second.jpg")).to_be_visible()


def test_feedback_is_shown_and_undone(up: Up, consoles: Consoles) -> None:
    enrol(up, "Ada", photo(), photo(1))
    give_feedback(up, "Ada")
    page = open_person(consoles, up, "Ada")
    expect(page.get_by_text("A face of party.jpg is not Ada")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text(
        "2 photos and 1 feedback entry of Ada go with the name."
    )
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Undo: a face of party.jpg is not Ada").click()
    expect(page.get_by_role("dialog")).to_contain_text("Later answers forget that a face is not Ada.")
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("A face of party.jpg is not Ada")).to_have_count(0)
    with client_of(up) as client:
        assert client.feedback() == []
        assert client.person("Ada").photos == 2


def test_who_is_known_by_feedback_only_is_gone_when_it_is_undone(up: Up, consoles: Consoles) -> None:
    with client_of(up) as client:
        (face,) = client.recognize(photo(), picture=False).result.faces
        client.give_feedback(face.reference, is_="Ada")
    page = consoles.open(up, "/people")
    expect(page.get_by_role("link", name="Ada")).to_contain_text("A")  # initials stand for the portrait
    page.get_by_role("link", name="Ada").click()
    expect(page.get_by_text("No picture is kept")).to_be_visible()
    page.get_by_role("button", name="Undo: a face is Ada").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Nobody is called 'Ada'")).to_be_visible()


def test_somebody_known_gets_more_photos_by_their_name(up: Up, consoles: Consoles) -> None:
    enrol(up, "Ada", photo())
    page = consoles.open(up, "/people")
    page.get_by_role("button", name="Add a person").click()
    page.get_by_label("Name", exact=True).fill("Ada")
    expect(page.get_by_text("Known already with 1 photo; these are added to them.")).to_be_visible()
    page.get_by_label("Photos", exact=True).set_input_files([as_file("dark.jpg", photo(16))])
    page.get_by_role("button", name="Add 1 photo").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("listitem").filter(has_text="dark.jpg")).to_contain_text("dark")
    dialog.get_by_role("button", name="Take out dark.jpg").click()
    expect(dialog.get_by_text("Taken out again.")).to_be_visible()
    with client_of(up) as client:
        assert client.person("Ada").photos == 1


def test_one_person_under_two_names_is_found_and_merged(up: Up, consoles: Consoles) -> None:
    enrol(up, "Ada", photo(), photo(1))
    enrol(up, "Lovelace", photo(2))
    page = consoles.open(up, "/people", size=PHONE)
    page.get_by_text("Worth a look").click()
    finding = page.get_by_role("listitem").filter(has_text="look like one person")
    assert accessibility_trouble(page) == []
    finding.get_by_role("link", name="Lovelace").click()
    page.get_by_role("button", name="Merge").click()
    dialog = page.get_by_role("dialog", name="Merge Lovelace into another person")
    dialog.get_by_role("button", name="Compare").click()
    expect(dialog.get_by_text("Choose one of the list first.")).to_be_visible()
    dialog.get_by_label("Name of the other person").fill("a")
    page.get_by_role("option", name="Ada").click()
    expect(dialog.get_by_label("Name of the other person")).to_have_value("Ada")
    dialog.get_by_role("button", name="Compare").click()
    dialog = page.get_by_role("dialog", name="Merge Lovelace into Ada?")
    expect(dialog.get_by_text("The nearest photos of Lovelace and Ada are 0.")).to_be_visible()
    dialog.get_by_role("button", name="Merge").click()
    page.wait_for_url("**/console/people/person?name=Ada")
    expect(page.get_by_role("button", name="Remove photo")).to_have_count(3)
    with client_of(up) as client:
        assert [(person.name, person.photos) for person in client.people()] == [("Ada", 3)]
        assert ("people merge", "merged") in {(entry.what, entry.outcome) for entry in client.audit()}
    assert accessibility_trouble(page) == []
    page.get_by_role("button", name="Undo the merge of Lovelace").click()
    page.get_by_role("dialog", name="Give Lovelace back?").get_by_role(
        "button", name="Undo the merge"
    ).click()
    page.wait_for_url("**/console/people/person?name=Lovelace")
    expect(page.get_by_role("button", name="Remove photo")).to_have_count(1)


def test_a_thousand_people_are_paged_and_searched(up: Up, consoles: Consoles) -> None:
    rng = np.random.default_rng(1)
    when = "2026-01-01T00:00:00+00:00"
    with closing(sqlite3.connect(up.data / "master.db", timeout=30)) as db, db:
        for number in range(1000):
            (person,) = db.execute(
                "INSERT INTO people (name, added_at) VALUES (?, ?) RETURNING id",
                (f"Crowd {number:03}", when),
            ).fetchone()
            db.execute(
                "INSERT INTO photos (person_id, sha256, embedder, embedding, added_at) VALUES (?, ?, ?, ?, ?)",
                (
                    person,
                    f"crowd{number}",
                    DEFAULT_EMBEDDER,
                    rng.normal(size=128).astype("<f4").tobytes(),
                    when,
                ),
            )
    try:
        page = consoles.open(up, "/people")
        expect(page.get_by_role("status").filter(has_text="1,000 people")).to_be_visible()
        expect(page.locator(".face")).to_have_count(60)
        page.get_by_role("button", name="Next").click()
        expect(page.get_by_text("Page 2 of 17")).to_be_visible()
        expect(page.locator(".face").first).to_contain_text("Crowd 060")
        page.get_by_label("Search people").fill("WD 99")
        expect(page.get_by_text("10 of 1,000 people")).to_be_visible()
        expect(page.locator(".face")).to_have_count(10)
        expect(page.get_by_role("button", name="Next")).to_be_hidden()
    finally:
        with closing(sqlite3.connect(up.data / "master.db", timeout=30)) as db, db:
            db.execute("PRAGMA foreign_keys=ON")
            db.execute("DELETE FROM people WHERE name LIKE 'Crowd %'")


def test_whoever_may_not_is_told_by_the_gateway(up: Up, consoles: Consoles) -> None:
    enrol(up, "Ada", photo())
    page = consoles.open(up, "/people", "user")
    expect(page.get_by_role("alert")).to_contain_text("The API key's role does not allow this")
    assert page.get_by_text("Ada", exact=True).count() == 0
    status = page.evaluate(
        """async () => {
        const form = new FormData();
        form.append("name", "Eve");
        form.append("photos", new Blob(["x"]), "x.jpg");
        return (await fetch("/v1/people", { method: "POST", body: form })).status;
    }"""
    )
    assert status == 403
    page.goto(f"{up.context['url']}/console/people/person?name=Ada")
    expect(page.get_by_role("alert")).to_contain_text("The API key's role does not allow this")


def test_the_address_of_a_person_survives_signing_in(up: Up, consoles: Consoles) -> None:
    enrol(up, "A&B/../C", photo())
    page = consoles.window()
    page.goto(f"{up.context['url']}/console/people/person?name=A%26B%2F..%2FC")
    page.get_by_label("API key").fill(consoles.key(up, "operator"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="A&B/../C")).to_be_visible()
