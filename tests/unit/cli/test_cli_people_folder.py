"""`people add FOLDER`, against a master that enrols in memory."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from tests.unit.cli.test_cli_commands import Fleet, Run, fleet, problem, run  # noqa: F401

from manyeyes import errors
from manyeyes.api.people import MAX_NAME_CHARACTERS
from manyeyes.cli import output
from manyeyes.cli.enrolling import command
from manyeyes.cli.enrolling.plan import read_folder
from manyeyes.cli.enrolling.upload import AT_ONCE
from manyeyes.sdk.client import AsyncClient


def picture(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 20), (shade, 0, 9)).save(out, "PNG")
    return out.getvalue()


NO_FACE, SEVERAL, BLURRED = picture(250), picture(251), picture(252)
BLUR = {"kind": "blurred", "value": 1.0, "limit": 3.0, "sentence": "the face is blurred", "photo": "x"}


class Enrolment:
    """Enrols what it is sent, as a master does, and remembers it by digest."""

    def __init__(self) -> None:
        self.people: dict[str, dict[str, list[Any]]] = {}
        self.findings: list[dict[str, Any]] = []
        self.sent = 0
        self.open = self.most_open = 0
        self.failing: errors.ManyeyesError | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.open += 1
            self.most_open = max(self.open, self.most_open)
            await asyncio.sleep(0.001)
            self.open -= 1
            return self.enrol(request)
        path = request.url.path
        if path == "/v1/people":
            return httpx.Response(200, json={"people": [{"name": name, "photos": 1} for name in self.people]})
        if path == "/v1/people-check":
            return httpx.Response(200, json={"findings": self.findings})
        name = path.removeprefix("/v1/people/")
        photos = [
            {
                "id": 1,
                "sha256": sha256,
                "file_name": "x",
                "source": "enrolled",
                "added_at": "2026-01-01T00:00:00Z",
                "warnings": warnings,
            }
            for sha256, warnings in self.people[name].items()
        ]
        return httpx.Response(200, json={"name": name, "photos": len(photos), "photos_detail": photos})

    def enrol(self, request: httpx.Request) -> httpx.Response:
        if self.failing is not None and self.sent >= 2:
            return problem(self.failing)
        self.sent += 1
        boundary = request.headers["Content-Type"].partition("boundary=")[2].encode()
        name, photo = (
            part.partition(b"\r\n\r\n")[2][:-2] for part in request.content.split(b"--" + boundary)[1:-1]
        )
        if photo == NO_FACE:
            return problem(errors.NoFaceFound("1.png: no face was found"))
        if photo == SEVERAL:
            return problem(errors.SeveralFacesFound("2.png: 3 faces were found, 1 is needed"))
        warnings = [BLUR] if photo == BLURRED else []
        self.people.setdefault(name.decode(), {})[hashlib.sha256(photo).hexdigest()] = warnings
        added = {"file_name": "x", "photo_id": 1, "box_xyxy_px": None, "warnings": warnings, "is_new": True}
        return httpx.Response(200, json={"name": name.decode(), "photos": 1, "added": [added]})


@pytest.fixture
def master(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Enrolment:  # noqa: F811
    made = Enrolment()
    transport = httpx.MockTransport(made)
    monkeypatch.setattr(command, "AsyncClient", functools.partial(AsyncClient, transport=transport))
    return made


def friends(folder: Path, **people: dict[str, bytes]) -> Path:
    for name, photos in people.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for file, content in photos.items():
            (folder / name / file).parent.mkdir(exist_ok=True)
            (folder / name / file).write_bytes(content)
    return folder


def test_everybody_is_enrolled_by_the_name_of_the_subfolder(
    master: Enrolment,
    run: Run,  # noqa: F811
    tmp_path: Path,
) -> None:
    folder = friends(
        tmp_path / "friends",
        Ann={"1.png": picture(1), "2.png": picture(2), "deep/3.png": picture(3)},
        Bob={"1.png": picture(4), ".hidden.png": picture(9)},
    )
    code, said, heard = run("people", "add", folder)
    assert (code, heard) == (0, "")
    assert {name: len(photos) for name, photos in master.people.items()} == {"Ann": 3, "Bob": 1}
    assert [line.split() for line in said.splitlines()] == [
        ["person", "enrolled", "had", "before", "not", "enrolled"],
        ["Ann", "3", "0", "0"],
        ["Bob", "1", "0", "0"],
        [],
        ["2", "people,", "4", "photos:", "4", "enrolled"],
    ]
    before = {name: dict(photos) for name, photos in master.people.items()}
    friends(folder, Ann={"4.png": picture(5)})
    code, said, _ = run("people", "add", folder)
    assert code == 0 and said.endswith("2 people, 5 photos: 1 enrolled, 4 enrolled before\n")
    assert master.sent == 5, "what is enrolled is not sent again"
    assert before["Bob"] == master.people["Bob"] and len(master.people["Ann"]) == 4


def test_what_was_noticed_is_in_a_table(master: Enrolment, run: Run, tmp_path: Path) -> None:  # noqa: F811
    folder = friends(
        tmp_path / "friends",
        Ann={
            "1.png": NO_FACE,
            "2.png": SEVERAL,
            "3.png": BLURRED,
            "4.png": picture(4),
            "5.png": picture(4),
            "both.png": picture(6),
            "notes.txt": b"a list of names",
        },
        Bob={"both.png": picture(6), "1.png": picture(7)},
        Nobody={},
    )
    (folder / "loose.png").write_bytes(picture(8))
    master.findings = [
        {"kind": "double", "sentence": "'Ann' and 'Carl' look like one person", "people": ["Ann", "Carl"]},
        {"kind": "double", "sentence": "'X' and 'Y' look like one person", "people": ["X", "Y"]},
        {"kind": "one-photo", "sentence": "1 person has one photo only", "people": ["Bob"]},
    ]
    code, said, _ = run("people", "add", folder)
    assert code == 3, "four photos could not be enrolled"
    table = said.split("\n\n")[1].splitlines()
    assert [" ".join(line.split()) for line in table] == [
        "person photo noticed",
        "- loose.png it lies beside the subfolders: move it into that of its person",
        "Ann - 'Ann' and 'Carl' look like one person",
        "Ann 1.png not enrolled: no face was found",
        "Ann 2.png not enrolled: 3 faces were found, 1 is needed",
        "Ann 3.png the face is blurred",
        "Ann 5.png the same as 4.png",
        "Ann both.png the same picture is Bob/both.png: it stays out until one of both is gone",
        *[line for line in map(" ".join, map(str.split, table)) if line.startswith("Ann notes.txt")],
        "Bob both.png the same picture is Ann/both.png: it stays out until one of both is gone",
        "Nobody - the folder has no picture",
    ]
    assert said.endswith("3 people, 7 photos: 3 enrolled, 4 not enrolled\n")
    again = run("people", "add", folder)[1]
    assert "the face is blurred" in again, "of photos that were enrolled before, too"
    document = json.loads(run("people", "add", folder, "--json")[1])
    ann = {"name": "Ann", "enrolled": 0, "enrolled_before": 2, "not_enrolled": 3}
    assert document["people"][0] == ann
    assert {"no-face", "blurred", "double", "same-picture", "beside"} <= {
        one["kind"] for one in document["noticed"]
    }


@pytest.mark.parametrize("width", [50, 80, 120])
def test_in_a_terminal_the_sentences_of_the_table_stay_whole(
    width: int,
    master: Enrolment,
    run: Run,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output, "terminal_width", lambda: width)
    what = "'Ada Lovelace' and 'Ada Byron' look like one person; 'manyeyes people merge' makes them one"
    master.findings = [
        {"kind": "double", "value": 0.3, "limit": 0.43, "sentence": what, "people": ["Ada", "Ann"]}
    ]
    folder = friends(tmp_path / "friends", Ada={f"{'long' * 16}.png": NO_FACE, "2.png": picture(1)})
    said = run("people", "add", folder)[1]
    assert all(word in said.split() for word in what.split()), said
    assert max(map(len, said.splitlines())) <= width


def test_several_are_sent_at_once(master: Enrolment, run: Run, tmp_path: Path) -> None:  # noqa: F811
    folder = friends(tmp_path / "friends", Ann={f"{n}.png": picture(n) for n in range(40)})
    assert run("people", "add", folder)[0] == 0
    assert 1 < master.most_open <= AT_ONCE


def test_a_master_that_refuses_ends_it_and_what_is_done_stays(
    master: Enrolment,
    run: Run,  # noqa: F811
    tmp_path: Path,
) -> None:
    folder = friends(tmp_path / "friends", Ann={f"{n}.png": picture(n) for n in range(40)})
    master.failing = errors.NotAllowed("this key's role is user, at least operator is needed")
    code, said, heard = run("people", "add", folder)
    assert (code, said) == (5, "")
    assert "the same command goes on from here: 1 person, 2 photos: 2 enrolled" in heard
    assert "error: this key's role is user" in heard
    master.failing = None
    assert run("people", "add", folder)[1].endswith("40 photos: 38 enrolled, 2 enrolled before\n")


@pytest.mark.parametrize("content", [{}, {"1.png": b""}])
def test_a_folder_without_subfolders_says_what_is_expected(
    master: Enrolment,
    run: Run,  # noqa: F811
    tmp_path: Path,
    content: dict[str, bytes],
) -> None:
    folder = friends(tmp_path, friends=content) / "friends"
    code, _, heard = run("people", "add", folder)
    assert code == 2 and master.sent == 0
    assert "friends has no subfolder; expected is one for each person" in heard
    assert "Ada Lovelace/1.jpg; for one person: manyeyes people add NAME PHOTO..." in heard


def test_a_name_without_photos_and_without_a_folder(
    run: Run,  # noqa: F811
    fleet: Fleet,  # noqa: F811
    tmp_path: Path,
) -> None:
    code, _, heard = run("people", "add", "Ada")
    assert code == 2 and "no photo is given for 'Ada', and there is no folder of that name" in heard
    code, _, heard = run("people", "add", "Ada", tmp_path)
    assert code == 2 and f"{tmp_path} is a folder; name the photos in it" in heard
    friends(Path.cwd(), Ann={"1.png": picture(1)})
    code, _, heard = run("people", "add", "")
    assert code == 2 and "NAME|FOLDER is empty" in heard, "and not the current folder"


def test_an_answer_without_the_photo_is_an_error_in_words(
    master: Enrolment,
    run: Run,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(master, "enrol", lambda _: httpx.Response(200, json={"name": "Ann", "photos": 1}))
    code, _, heard = run("people", "add", friends(tmp_path / "friends", Ann={"1.png": picture(1)}))
    assert code == 1 and "names 0 photos as added, 1 was sent; same version on both sides?" in heard


def test_names_that_cannot_be_enrolled_are_noticed(tmp_path: Path) -> None:
    long = "x" * (MAX_NAME_CHARACTERS + 1)
    folder = friends(
        tmp_path / "f", **{name: {"1.png": picture(1)} for name in ("Zo\u0065\u0308", "a\tb", long)}
    )
    plan = read_folder(folder)
    assert plan.people == ["Zo\u00eb"], "written as one letter"
    assert [(one.person, one.kind) for one in plan.noticed] == [("a\\tb", "name"), ("x" * 40, "name")]


def test_a_file_that_cannot_be_read_is_noticed(tmp_path: Path) -> None:
    folder = friends(tmp_path / "f", Ann={"1.png": picture(1)})
    (folder / "Ann" / "gone.png").symlink_to(folder / "nowhere")
    (one,) = read_folder(folder).noticed
    assert (one.photo, one.kind, one.sentence) == ("gone.png", "unreadable", "No such file or directory")


def test_what_is_no_regular_file_is_noticed_and_not_opened(tmp_path: Path) -> None:
    folder = friends(tmp_path / "f", Ann={"1.png": picture(1)})
    os.mkfifo(folder / "Ann" / "pipe.png")
    (folder / "Ann" / "linked.png").symlink_to(folder / "Ann" / "pipe.png")
    plan = read_folder(folder)
    assert [photo.label for photo in plan.photos] == ["1.png"]
    assert [(one.photo, one.sentence) for one in plan.noticed] == [
        ("linked.png", "it is no regular file: left out"),
        ("pipe.png", "it is no regular file: left out"),
    ]


def test_a_photo_in_the_folders_of_two_people_is_not_enrolled(
    master: Enrolment,
    run: Run,  # noqa: F811
    tmp_path: Path,
) -> None:
    folder = friends(
        tmp_path / "friends", Ann={"1.png": picture(1), "both.png": picture(2)}, Bob={"both.png": picture(2)}
    )
    code, said, _ = run("people", "add", folder)
    assert code == 3 and master.sent == 1
    assert [line.split() for line in said.splitlines()[1:3]] == [
        ["Ann", "1", "0", "1"],
        ["Bob", "0", "0", "1"],
    ]
    assert said.endswith("2 people, 3 photos: 1 enrolled, 2 not enrolled\n")


@pytest.mark.parametrize("content", [{}, {"notes.txt": b"a list of names"}])
def test_a_folder_in_which_nothing_can_be_enrolled_is_no_success(
    master: Enrolment,
    run: Run,  # noqa: F811
    tmp_path: Path,
    content: dict[str, bytes],
) -> None:
    code, said, _ = run("people", "add", friends(tmp_path / "friends", Ann=content))
    assert (code, master.sent) == (3, 0)
    assert said.endswith("1 person, 0 photos: 0 enrolled\n")
