"""The page Recognise: pictures in, predicted pictures out."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Download, FilePayload, Page, Route, expect
from skimage import data as samples

from manyeyes import Client, ManyeyesError
from manyeyes.sdk.context import load_context
from tests.e2e.conftest import Up
from tests.e2e.console.conftest import PHONE, Consoles, accessibility_trouble, ready
from tests.e2e.console.people import as_file, saved
from tests.e2e.console.recognising import BROKEN, choose, photo, row, wait_over
from tests.e2e.pictures import astronaut, write_many
from tests.videos import make_video

NAME = "Ada <img src=x onerror=window.wasRun=1> Lovelace"


@pytest.fixture
def client(up: Up) -> Iterator[Client]:
    """A client of the master, which knows nobody."""
    with Client(load_context(up.data / "context.json")) as opened:
        _forget_everybody(opened)
        yield opened
        _forget_everybody(opened)


def _forget_everybody(client: Client) -> None:
    for feedback in client.feedback():
        client.undo_feedback(feedback.id)
    for person in client.people():
        client.remove_person(person.name)


@pytest.fixture
def ada(client: Client) -> str:
    """Somebody enrolled with the face of the tests' pictures."""
    client.add_person(NAME, [photo(left=30)["buffer"]])
    return NAME


def _saved(download: Download) -> bytes:
    return Path(download.path()).read_bytes()


def test_pictures_are_recognised_and_one_is_saved(
    up: Up, consoles: Consoles, client: Client, ada: str
) -> None:
    page = consoles.open(up, "/recognise", "user")
    assert accessibility_trouble(page) == []
    first = photo()
    choose(page, [first, BROKEN, photo("second.png", left=20, kind="PNG")])
    assert wait_over(page, 3) == "2 of 3 done, 1 failed"
    expect(
        page.get_by_role("status").filter(has_text="All done: 2 pictures recognised, 1 failed.")
    ).to_have_count(1)

    answer = client.recognize(first["buffer"])
    (face,) = answer.result.faces
    assert face.name == ada and face.distance is not None
    shown = page.get_by_role("table", name="Faces in astronaut.jpg").get_by_role("row").nth(1)
    expect(shown).to_contain_text(ada)
    expect(shown).to_contain_text(f"{face.distance:.3f}")
    expect(shown).to_contain_text(f"{face.confidence * 100:.0f} %")
    expect(page.get_by_role("button", name="say who it is")).to_have_count(
        0
    )  # a user's role does not suffice
    assert page.evaluate("window.wasRun") is None

    with page.expect_download() as saving:
        page.get_by_role("button", name="Download", exact=True).click()
    assert saving.value.suggested_filename == "astronaut.jpg"
    assert _saved(saving.value) == answer.picture
    assert accessibility_trouble(page) == []

    row(page, "broken.jpg").click()
    with pytest.raises(ManyeyesError) as refusal:
        client.recognize(BROKEN["buffer"])
    expect(page.locator(".rec-detail .problem")).to_contain_text(refusal.value.detail)
    assert accessibility_trouble(page) == []


def test_of_a_video_the_browser_takes_stills_and_the_overview_shows_who_is_seen_when(
    up: Up, consoles: Consoles, client: Client, ada: str, tmp_path: Path
) -> None:
    with_face, without = (
        np.asarray(picture.resize((320, 320)))
        for picture in (astronaut(), Image.fromarray(samples.chelsea()))
    )
    film = make_video(
        tmp_path / "film.webm",
        7,
        codec="libvpx",
        paint=lambda time_s: without if 3 <= time_s < 5 else with_face,
    )
    page = consoles.open(up, "/recognise")
    files: list[FilePayload] = [
        {"name": "film.webm", "mimeType": "video/webm", "buffer": film.read_bytes()},
        {"name": "broken.mp4", "mimeType": "video/mp4", "buffer": b"\0\0\0\x18ftypisom" + bytes(99)},
    ]
    choose(page, files)
    assert wait_over(page, 4) == "4 of 4 done"
    expect(row(page, "film.webm/00-00-02.000.jpg")).to_contain_text("1 face")
    expect(row(page, "film.webm/00-00-04.000.jpg")).to_contain_text("no face")
    notices = page.locator(".rec-notices")
    expect(notices).to_contain_text("Stills of film.webm: one every 2 s")
    expect(notices).to_contain_text("broken.mp4 cannot be played by this browser")
    (video,) = [one for one in client.recent.videos().videos if one.video == "film.webm"]
    assert (video.stills, video.every_s, [seen.name for seen in video.people]) == (4, 2, [ada])
    notices.get_by_role("link", name="overview").click()
    expect(page.get_by_role("region", name="Video film.webm")).to_contain_text("0:00–0:06")


def test_all_are_saved_in_one_zip_with_their_results(up: Up, consoles: Consoles, client: Client) -> None:
    page = consoles.open(up, "/recognise", "user")
    files = [
        photo("a.jpg"),
        photo("a.jpg", left=10),
        photo("b.bmp", kind="BMP"),
        BROKEN,
        photo("results.jsonl"),
    ]
    choose(page, files)
    wait_over(page, 5)
    with page.expect_download() as saving:
        page.get_by_role("button", name="Download all").click()
    archive = zipfile.ZipFile(io.BytesIO(_saved(saving.value)))
    assert archive.testzip() is None
    assert archive.namelist() == ["a.jpg", "a-2.jpg", "b.bmp.png", "results.jsonl.jpg", "results.jsonl"]
    assert archive.read("a-2.jpg") == client.recognize(files[1]["buffer"]).picture
    lines = [json.loads(line) for line in archive.read("results.jsonl").splitlines()]
    assert [line["file"] for line in lines] == ["a.jpg", "a.jpg", "b.bmp", "broken.jpg", "results.jsonl"]
    assert lines[1]["output"] == "a-2.jpg" and lines[1]["size"] == len(files[1]["buffer"])
    assert len(lines[0]["faces"]) == 1 and lines[0]["faces"][0]["reference"]
    assert lines[3]["error"]["code"] == "damaged-picture"
    with page.expect_download() as saving:
        page.get_by_role("button", name="Results (JSON)").click()
    assert len(_saved(saving.value).splitlines()) == 5


def test_results_stay_until_they_are_cleared_or_somebody_signs_out(
    up: Up, consoles: Consoles, client: Client, ada: str
) -> None:
    page = consoles.open(up, "/recognise", "operator")
    choose(page, [photo("p10.jpg"), BROKEN, photo("p2.jpg", left=10)])
    wait_over(page, 3)
    names = page.locator(".rec-name")
    expect(names).to_have_text(["broken.jpg", "p2.jpg", "p10.jpg"])
    page.get_by_role("link", name="People", exact=True).click()
    ready(page)
    page.go_back()
    ready(page)
    expect(names).to_have_text(["broken.jpg", "p2.jpg", "p10.jpg"])
    page.reload()
    ready(page)
    expect(page.locator("#rec-progress-words")).to_have_text("2 of 3 done, 1 failed")
    expect(page.locator(".rec-detail .problem")).to_contain_text("damaged")
    row(page, "p2.jpg").click()
    expect(page.get_by_role("table", name="Faces in p2.jpg").get_by_role("row").nth(1)).to_contain_text(ada)
    page.wait_for_function(
        "() => document.querySelectorAll('.rec-frame img').length === 2 "
        "&& [...document.querySelectorAll('.rec-frame img')].every(image => image.naturalWidth === 440)"
    )
    with page.expect_download() as saving:
        page.get_by_role("button", name="Download", exact=True).click()
    assert _saved(saving.value) == client.recognize(photo(left=10)["buffer"]).picture
    page.get_by_role("button", name="Remove", exact=True).click()
    page.reload()
    expect(names).to_have_text(["broken.jpg", "p10.jpg"])

    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/console/sign-in")
    assert page.evaluate("indexedDB.databases()") == [], "nothing is left for who comes next"


def test_who_signs_in_next_does_not_see_what_a_lost_session_left(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "operator")
    choose(page, [photo()])
    wait_over(page, 1)
    page.context.clear_cookies()  # as when the session ends by itself
    page.goto(f"{up.context['url']}/console/recognise")
    page.get_by_label("API key").fill(consoles.key(up, "user"))
    page.get_by_role("button", name="Sign in").click()
    ready(page)
    choose(page, [photo("own.jpg", left=10)])
    wait_over(page, 1)
    expect(page.locator(".rec-name")).to_have_text(["own.jpg"])
    page.reload()
    expect(page.locator(".rec-name")).to_have_text(["own.jpg"])
    page.get_by_role("button", name="Clear all").click()
    page.get_by_role("dialog", name="Clear all pictures?").get_by_role("button", name="Clear all").click()
    expect(page.get_by_role("option")).to_have_count(0)
    page.reload()
    ready(page)
    page.evaluate("new Promise(requestAnimationFrame)")
    expect(page.get_by_role("option")).to_have_count(0)


def test_failures_strangers_and_a_person_are_found_among_results(
    up: Up, consoles: Consoles, ada: str
) -> None:
    page = consoles.open(up, "/recognise", "user")
    no_face = saved(Image.new("RGB", (64, 64), "grey"))
    choose(page, [photo("a.jpg"), photo("b.jpg", left=10), BROKEN, as_file("wall.jpg", no_face)])
    wait_over(page, 4)
    shown = page.locator(".rec-row:visible .rec-name")
    for button, names in (
        ("Failed 1", ["broken.jpg"]),
        ("No face 1", ["wall.jpg"]),
        ("All 4", ["a.jpg", "b.jpg", "broken.jpg", "wall.jpg"]),
    ):
        page.get_by_role("button", name=button, exact=True).click()
        expect(shown).to_have_text(names)
        expect(page.get_by_role("button", name=button, exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Person").select_option(label=f"{ada} (2)")
    expect(shown).to_have_text(["a.jpg", "b.jpg"])
    expect(page.get_by_role("heading", name="a.jpg")).to_be_visible()
    row(page, "a.jpg").focus()
    page.keyboard.press("End")
    expect(page.get_by_role("heading", name="b.jpg")).to_be_visible()
    page.keyboard.press("Delete")
    expect(shown).to_have_text(["a.jpg"])
    assert accessibility_trouble(page) == []


def test_the_confidence_is_seen_on_a_narrow_phone(up: Up, consoles: Consoles, ada: str) -> None:
    page = consoles.open(up, "/recognise", "operator", size={"width": 340, "height": 700})
    choose(page, [photo()])
    wait_over(page, 1)
    cell = page.locator(".rec-faces tbody td").last
    expect(cell).to_contain_text("%")
    box = cell.bounding_box()
    assert box is not None and box["x"] + box["width"] <= 340
    table = page.locator(".rec-table")
    assert table.evaluate("table => table.scrollWidth <= table.clientWidth")


def _is_lit(page: Page) -> list[bool]:
    """Whether the first face's row, and its boxes over the original and the predicted picture, are lit."""
    return page.evaluate(  # type: ignore[no-any-return]
        """() => [document.querySelector('.rec-faces tbody tr'), ...document.querySelectorAll('.rec-box')]
            .map(element => element.classList.contains('rec-lit'))"""
    )


def test_a_face_and_its_row_are_tied(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "user")
    choose(page, [photo()])
    wait_over(page, 1)
    assert _is_lit(page) == [False] * 3
    page.locator(".rec-box").first.hover()
    assert _is_lit(page) == [True] * 3
    page.get_by_role("heading", level=1).hover()
    assert _is_lit(page) == [False] * 3
    number = page.get_by_role("button", name="Face 1: mark it")
    number.focus()
    assert _is_lit(page) == [True] * 3
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Download", exact=True).focus()
    assert _is_lit(page) == [True] * 3  # held
    expect(number).to_have_attribute("aria-pressed", "true")


def test_the_box_lies_on_the_face_of_a_picture_that_is_turned_by_exif(
    up: Up, consoles: Consoles, client: Client
) -> None:
    exif = Image.Exif()
    exif[274] = 6
    turned: FilePayload = {"name": "turned.jpg", "mimeType": "image/jpeg", "buffer": _turned_back(exif)}
    page = consoles.open(up, "/recognise", "user")
    choose(page, [turned])
    wait_over(page, 1)
    (face,) = client.recognize(turned["buffer"]).result.faces
    seen = page.evaluate(
        """async () => {
            const [image, box] = [document.querySelector('.rec-frame img'), document.querySelector('.rec-box')];
            await image.decode();
            const [outer, inner] = [image.getBoundingClientRect(), box.getBoundingClientRect()];
            const scale = outer.width / image.naturalWidth;
            return [image.naturalWidth, image.naturalHeight, (inner.left - outer.left) / scale,
                    (inner.top - outer.top) / scale, (inner.right - outer.left) / scale];
        }"""
    )
    assert seen[:2] == [400, 440]
    left, top, right, _ = face.box_xyxy_px
    assert seen[2:] == [pytest.approx(edge, abs=1.5) for edge in (left, top, right)]


def _turned_back(exif: Image.Exif) -> bytes:
    """An upright picture of 400 x 440 pixels, stored lying on its side."""
    out = io.BytesIO()
    upright = astronaut().crop((0, 0, 400, 440))
    upright.transpose(Image.Transpose.ROTATE_90).save(out, "JPEG", exif=exif.tobytes())
    return out.getvalue()


def test_by_keyboard_alone(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "user")
    page.on("filechooser", lambda _: None)  # has the browser hand choosers over from now on
    page.evaluate("new Promise(requestAnimationFrame)")
    page.get_by_role("button", name="Choose pictures").focus()
    with page.expect_file_chooser() as choosing:
        page.keyboard.press("Enter")
    choosing.value.set_files([photo("1.jpg"), photo("2.jpg", left=10), photo("3.jpg", left=20)])
    wait_over(page, 3)
    row(page, "1.jpg").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("heading", name="2.jpg")).to_be_visible()
    page.keyboard.press("Delete")
    expect(page.get_by_role("option")).to_have_count(2)
    expect(row(page, "3.jpg")).to_be_focused()
    page.keyboard.press("Delete")
    page.keyboard.press("Delete")
    expect(page.get_by_role("option")).to_have_count(0)
    expect(page.get_by_role("button", name="Choose pictures")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Take a picture")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_pasted(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "user")
    page.evaluate(
        """bytes => {
            const carried = new DataTransfer();
            carried.items.add(new File([Uint8Array.from(bytes)], 'came.jpg', {type: 'image/jpeg'}));
            const given = {bubbles: true, cancelable: true, clipboardData: carried};
            document.body.dispatchEvent(new ClipboardEvent('paste', given));
        }""",
        list(photo()["buffer"]),
    )
    assert wait_over(page, 1) == "1 of 1 done"
    expect(row(page, "came.jpg")).to_contain_text("1 face")


@pytest.fixture
def holiday(tmp_path: Path) -> Path:
    """A folder of two pictures a level down, a hidden file and a text."""
    folder = tmp_path / "holiday"
    write_many(folder / "day 1", 2)
    (folder / "day 1" / ".hidden.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture")
    return folder


def _choose_folder(page: Page, folder: Path) -> None:
    page.locator("#rec-folder").set_input_files(folder)


def _drop(page: Page, folder: Path) -> None:
    hand = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        hand.send("Input.dispatchDragEvent", {"type": kind, "x": 600, "y": 200, "data": data})


@pytest.mark.parametrize("give", [_choose_folder, _drop])
def test_a_folder(up: Up, consoles: Consoles, holiday: Path, give: Callable[[Page, Path], None]) -> None:
    page = consoles.open(up, "/recognise", "user")
    give(page, holiday)
    assert wait_over(page, 2) == "2 of 2 done"
    expect(row(page, "holiday/day 1/0000.jpg")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="1 file of the folder left out")).to_be_visible()


def test_a_format_that_the_browser_cannot_show(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "operator")
    choose(page, [photo("scan.tif", kind="TIFF")])
    assert wait_over(page, 1) == "1 of 1 done"
    expect(page.get_by_text("This browser cannot show the original's format")).to_be_visible()
    page.wait_for_function("() => document.querySelector('img[alt^=\"Predicted\"]').naturalWidth === 440")
    page.wait_for_function(
        "() => document.querySelector('.rec-thumbnail').width > 1"
    )  # of the predicted picture
    page.get_by_role("button", name="Face 1: say who it is").click()
    expect(page.get_by_role("dialog", name="Who is face 1?")).to_be_visible()


def test_a_picture_from_the_camera(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "user", size=PHONE)
    page.evaluate(
        """() => {
            const devices = navigator.mediaDevices;
            const ask = devices.getUserMedia.bind(devices);
            devices.getUserMedia = async wanted => (window.stream = await ask(wanted));
        }"""
    )
    page.get_by_role("button", name="Use the camera").click()
    expect(page.get_by_role("button", name="Take the picture")).to_be_enabled()
    assert accessibility_trouble(page) == []
    page.get_by_role("button", name="Take the picture").click()
    assert wait_over(page, 1) == "1 of 1 done"
    expect(page.get_by_text("No face was found in this picture.")).to_be_visible()
    assert page.evaluate("stream.getTracks().map(track => track.readyState)") == ["ended"]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("NotAllowedError", "was not allowed"),
        ("NotFoundError", "No camera was found"),
        ("NotReadableError", "in use"),
    ],
)
def test_a_camera_that_cannot_be_used_says_why(up: Up, consoles: Consoles, error: str, words: str) -> None:
    page = consoles.open(up, "/recognise", "user")
    page.evaluate(
        """error => {
            const devices = navigator.mediaDevices;
            const ask = devices.getUserMedia.bind(devices);
            devices.getUserMedia = () => {
                devices.getUserMedia = ask;
                return Promise.reject(new DOMException('', error));
            };
        }""",
        error,
    )
    page.get_by_role("button", name="Use the camera").click()
    expect(page.get_by_role("alert").filter(has_text=words)).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Take the picture")).to_be_enabled()
    page.get_by_role("button", name="Cancel").click()


def test_an_operator_says_who_a_face_is_and_another_browser_sees_it(
    up: Up, consoles: Consoles, client: Client
) -> None:
    page, other = consoles.open(up, "/recognise", "operator"), consoles.open(up, "/recognise", "user")
    choose(page, [photo()])
    wait_over(page, 1)
    expect(page.get_by_role("table").get_by_role("row").nth(1)).to_contain_text("unknown")
    page.get_by_role("button", name="Face 1: say who it is").click()
    assert accessibility_trouble(page) == []
    dialog = page.get_by_role("dialog", name="Who is face 1?")
    dialog.get_by_label("Name").fill("a\u200bb")
    dialog.get_by_role("button", name="Enrol").click()
    expect(dialog.get_by_role("alert")).to_contain_text("cannot be seen")  # as the API says it
    dialog.get_by_label("Name").fill("Grace Hopper")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Enrolled as Grace Hopper.")).to_be_visible()
    (feedback,) = client.feedback()
    assert (feedback.name, feedback.verdict, feedback.file_name) == ("Grace Hopper", "is", "astronaut.jpg")

    choose(other, [photo(left=10)])
    wait_over(other, 1)
    expect(other.get_by_role("table").get_by_role("row").nth(1)).to_contain_text("Grace Hopper")

    page.get_by_role("button", name="Recognise again").click()
    expect(page.get_by_role("heading", name="astronaut.jpg")).to_be_focused()
    expect(page.get_by_role("table").get_by_role("row").nth(1)).to_contain_text("Grace Hopper")
    page.get_by_role("button", name="Face 1: say who it is").click()
    page.get_by_role("button", name="Only: not Grace Hopper").click()
    expect(page.get_by_text("Not Grace Hopper: noted.")).to_be_visible()
    assert {row.verdict for row in client.feedback()} == {"is", "not"}
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Face 1: say who it is")).to_be_visible()
    assert [row.id for row in client.feedback()] == [feedback.id]


def test_the_api_refuses_feedback_of_a_user(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "user")
    status = page.evaluate(
        """async () => (await fetch('/v1/people-feedback', {
            method: 'POST', headers: {'Content-Type': 'application/json'},
            body: JSON.stringify({reference: 'x', verdict: 'is', name: 'Ada'})})).status"""
    )
    assert status == 403


def test_dark_and_on_a_phone(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "operator", size=PHONE, dark=True)
    assert accessibility_trouble(page) == []
    choose(page, [photo("a-file-with-a-very-long-name-of-one-word-" + "x" * 60 + ".jpg"), BROKEN])
    wait_over(page, 2)
    assert accessibility_trouble(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def _with_trace(route: Route) -> None:
    """The master's own answer, with a trace id."""
    answer = route.fetch()
    body = answer.body()
    start = body.index(b"{")
    head_bytes = int(body[:start].rsplit(b"Content-Length: ", 1)[1].split(b"\r\n")[0])
    result = json.loads(body[start : start + head_bytes])
    head = json.dumps({**result, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}).encode()
    before = body[:start].replace(str(head_bytes).encode() + b"\r\n", str(len(head)).encode() + b"\r\n")
    route.fulfill(response=answer, body=before + head + body[start + head_bytes :])


def test_a_trace_id_leads_to_the_logs(up: Up, consoles: Consoles) -> None:
    page = consoles.open(up, "/recognise", "user")
    page.route("**/v1/recognize", _with_trace)
    choose(page, [photo()])
    wait_over(page, 1)
    link = page.get_by_role("link", name="4bf92f3577b34da6a3ce929d0e0e4736")
    assert link.get_attribute("href") == "/console/logs?trace=4bf92f3577b34da6a3ce929d0e0e4736"
