"""From the first start to the first named face, as somebody who has never seen it does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import MANYEYES, Background, Seed, Up, free_port
from tests.e2e.console.conftest import Consoles, ready
from tests.e2e.console.people import as_file, photo
from tests.e2e.console.recognising import choose, wait_over


@pytest.fixture
def fresh(place: Path, seed: Seed) -> Iterator[Up]:
    """A master in an empty folder, just started."""
    data = place / "first"
    seed(data)
    ports = ["--https-port", str(free_port()), "--nats-port", str(free_port())]
    service = Background.start([MANYEYES, "up", "--data", str(data), *ports], place / "first.log")
    try:
        service.wait_ready()
        yield Up(data, service)
    finally:
        service.stop()


def test_from_the_first_start_to_the_first_named_face(fresh: Up, consoles: Consoles) -> None:
    told = fresh.run("console", "--no-open", "--json")
    page = consoles.window()
    page.goto(json.loads(told.stdout)["url"])
    page.get_by_role("button", name="Sign in").click()
    ready(page)
    page.get_by_role("link", name="People", exact=True).click()
    page.get_by_role("button", name="Add the first person").click()
    page.get_by_label("Name", exact=True).fill("Eileen Collins")
    page.get_by_label("Photos", exact=True).set_input_files([as_file("portrait.jpg", photo())])
    page.get_by_role("button", name="Add 1 photo").click()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("link", name="Eileen Collins")).to_contain_text("1 photo")
    page.get_by_role("link", name="Recognise", exact=True).click()
    ready(page)
    choose(page, [{"name": "holiday.jpg", "mimeType": "image/jpeg", "buffer": photo(3)}])
    wait_over(page, 1)
    faces = page.get_by_role("table", name="Faces in holiday.jpg")
    expect(faces.get_by_role("row").nth(1)).to_contain_text("Eileen Collins")
