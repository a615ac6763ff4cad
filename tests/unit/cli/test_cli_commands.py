from __future__ import annotations

import functools
import importlib.metadata
import io
import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from manyeyes import errors, telemetry
from manyeyes.cli import send as send_module
from manyeyes.cli import status
from manyeyes.cli.app import main
from manyeyes.cli.streams import StandardOutput
from manyeyes.sdk import blocking
from manyeyes.sdk.blocking import Client
from manyeyes.sdk.client import AsyncClient
from manyeyes.sdk.context import Context, save_context

FACE = {
    "box_xyxy_px": [1, 2, 3, 4],
    "landmarks_px": [],
    "score": 0.9,
    "name": "Ada",
    "distance": 0.3,
    "threshold": 0.6,
    "confidence": 0.8,
}


PREVIEW = {
    "name": "A. B.",
    "photos": 2,
    "into": "Ada",
    "into_photos": 2,
    "distance": 0.71,
    "usual": 0.63,
    "is_far": True,
    "sentence": "the nearest photos of A. B. and Ada are 0.71 apart; photos of one person are usually below 0.63",
}
CAUTION = {"kind": "small", "value": 50, "limit": 80, "sentence": "the face is small", "photo": "a.jpg"}


def problem(error: errors.ManyeyesError) -> httpx.Response:
    return httpx.Response(error.http_status, json=error.as_problem())


class Fleet:
    """A master whose answers depend on the picture's bytes."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.accepted: set[str] = set()
        self.answers: dict[str, httpx.Response] = {}
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        key = f"{request.method} {request.url.path}"
        if key in self.answers:
            return self.answers[key]
        if request.method == "GET":
            return problem(errors.Unavailable("this one only recognises"))
        picture = request.content
        self.sent.append(picture)
        self.accepted.add(request.headers["Accept"])
        if picture == b"bad":
            return problem(errors.DamagedPicture("damaged near byte 3"))
        if picture == b"stop":
            signal.raise_signal(signal.SIGINT)
        if picture in (b"away", b"stop"):  # an answer would race against the signal
            raise httpx.ConnectError("connection refused")
        result = json.dumps(
            {
                "width_px": 9,
                "height_px": 9,
                "media_type": "image/jpeg",
                "faces": [FACE, FACE | {"name": None}],
                "pack": "faces@1.0.0",
                "timings_ms": {},
            }
        ).encode()
        if request.headers["Accept"] == "application/json":
            return httpx.Response(200, content=result)
        body = b""
        for media_type, content in ((b"application/json", result), (b"image/jpeg", b"boxes on " + picture)):
            length = str(len(content)).encode()
            body += b"--x\r\nContent-Type: %s\r\nContent-Length: %s\r\n\r\n%s\r\n" % (
                media_type,
                length,
                content,
            )
        return httpx.Response(
            200, content=body + b"--x--", headers={"Content-Type": "multipart/mixed; boundary=x"}
        )


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fleet:
    fleet = Fleet()
    path = tmp_path / "context.json"
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("MANYEYES_MASTER", "MANYEYES_KEY", "MANYEYES_CA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MANYEYES_CONTEXT", str(path))
    save_context(Context("https://10.0.0.4:8443", "", "key"), path)
    transport = httpx.MockTransport(fleet)
    monkeypatch.setattr(blocking, "Client", functools.partial(Client, transport=transport))
    monkeypatch.setattr(send_module, "AsyncClient", functools.partial(AsyncClient, transport=transport))
    return fleet


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        code = caught.value.code
        return (code if isinstance(code, int) else 0), said.out, said.err

    return call


Run = Callable[..., tuple[int, str, str]]


def album(folder: Path, **pictures: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pictures.items():
        (folder / f"{name}.jpg").write_bytes(content)
    return folder


def lines(out: Path) -> dict[str, Any]:
    found = [json.loads(line) for line in (out / "results.jsonl").read_bytes().splitlines()]
    by_name = {line["file"]: line for line in found}
    assert len(by_name) == len(found)
    return by_name


def test_send_and_send_again(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    pictures, out = album(tmp_path / "in", a=b"1", b=b"2"), tmp_path / "out"
    album(pictures / "deep", c=b"bad", d=b"")
    code, said, _ = run("send", pictures, "-o", out, "--in-flight", 2)
    assert code == 3
    assert (out / "a.jpg").read_bytes() == b"boxes on 1"
    assert "4 pictures, 4 faces, 2 named, 2 failed" in said
    assert "damaged near byte 3" in said and "is empty" in said
    found = lines(out)
    assert found["a.jpg"]["faces"][0] == {
        "box": [1, 2, 3, 4],
        "name": "Ada",
        "person_id": None,
        "distance": 0.3,
        "confidence": 0.8,
        "threshold": 0.6,
        "reference": "",
        "too_small": None,
    }
    assert found["deep/c.jpg"]["error"] == {"code": "damaged-picture", "detail": "damaged near byte 3"}

    album(pictures, b=b"changed")
    album(pictures / "deep", c=b"good", d=b"good too")
    fleet.sent.clear()
    code, said, _ = run("send", pictures, "-o", out)
    assert code == 0
    assert sorted(fleet.sent) == [b"changed", b"good", b"good too"]
    assert "3 pictures, 1 done before" in said
    assert set(lines(out)) == {"a.jpg", "b.jpg", "deep/c.jpg", "deep/d.jpg"}
    assert all("faces" in line for line in lines(out).values())


def test_send_json_needs_no_out(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    code, said, heard = run("send", album(tmp_path / "in", a=b"1", b=b"bad"), "--json")
    found = [json.loads(line) for line in said.splitlines()]
    assert code == 3
    assert {line["file"]: "error" in line for line in found} == {"a.jpg": False, "b.jpg": True}
    assert "2 pictures" in heard
    assert not Path("manyeyes-out").exists()
    code, _, heard = run("send", tmp_path / "in", "--json", "--draw", "here")
    assert (code, heard) == (2, "error: --draw here has no folder to draw into; add -o OUT\n")


def test_send_draws_here_and_asks_for_results_only(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    picture = Image.new("RGB", (9, 9), (200, 100, 50))
    pictures, out = tmp_path / "in", tmp_path / "out"
    pictures.mkdir()
    picture.save(pictures / "a.png")
    picture.resize((8, 8)).save(pictures / "other.png")
    code, said, _ = run("send", pictures, "-o", out, "--draw", "here")
    assert code == 3
    assert fleet.accepted == {"application/json"}
    found = lines(out)
    assert found["a.png"]["output"] == "a.png"
    assert Image.open(out / "a.png").size == (9, 9)
    assert Image.open(out / "a.png").tobytes() != picture.tobytes()
    assert found["other.png"]["error"]["code"] == "drawing-failed"
    assert "the result is of a picture of 9×9 px, this one has 8×8" in said
    assert not (out / "other.png").exists()


def test_send_without_any_drawing(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    pictures, out = album(tmp_path / "in", a=b"1"), tmp_path / "out"
    assert run("send", pictures, "-o", out, "--draw", "none")[0] == 0
    assert [path.name for path in out.iterdir()] == ["results.jsonl"]
    assert fleet.accepted == {"application/json"}
    said = run("send", pictures, "-o", out, "--draw", "none")[1]
    assert (
        "a.jpg: Ada (80 %), 1 unknown\ndone already, nothing was sent; --again sends it again, for people who were added since\n"
        in said
    )
    run("send", pictures, "-o", out)
    assert fleet.accepted == {"application/json", "multipart/mixed"}
    assert (out / "a.jpg").read_bytes() == b"boxes on 1"


def test_send_what_is_not_there(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    pictures = album(tmp_path / "in", a=b"1")
    missing = tmp_path / "none"
    assert run("send", missing, pictures, "-o", tmp_path / "out") == (
        10,
        "",
        f"error: no such file or folder: {missing}; nothing was sent\n",
    )
    code, said, heard = run("send", "no.jpg", "not.jpg", pictures / "a.jpg" / "b.jpg", "--json")
    assert (code, said) == (10, "")
    assert heard == f"error: no such files or folders: no.jpg, not.jpg, {pictures / 'a.jpg' / 'b.jpg'}\n"
    assert fleet.asked == [] and not (tmp_path / "out").exists()


def test_send_one_picture_says_who_is_on_it_and_where_it_lies(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    album(Path(), photo=b"1", other=b"2", broken=b"bad")
    assert run("send", "photo.jpg") == (
        0,
        "photo.jpg: Ada (80 %), 1 unknown\npredicted picture: manyeyes-out/photo.jpg\n",
        "",
    )
    assert Path("manyeyes-out/photo.jpg").read_bytes() == b"boxes on 1"
    code, said, _ = run("send", "photo.jpg")
    assert (
        code == 0
        and said.splitlines()[1]
        == "done already, nothing was sent; --again sends it again, for people who were added since"
    )
    assert run("send", "photo.jpg", "--again")[1].count("\n") == 2
    assert fleet.sent == [b"1", b"1"]
    code, said, _ = run("send", "broken.jpg")
    assert code == 3
    assert said == "broken.jpg: failed: damaged near byte 3\n", "no log says more of a damaged picture"
    code, said, _ = run("send", "photo.jpg", "other.jpg")
    assert "photo.jpg: Ada (80 %), 1 unknown\n" in said and "other.jpg: Ada (80 %), 1 unknown\n" in said


def test_send_to_the_default_folder_gives_each_picture_a_name_of_its_own(
    fleet: Fleet, run: Run, tmp_path: Path
) -> None:
    here, elsewhere = album(Path("holiday"), a=b"1"), album(tmp_path / "elsewhere" / "holiday", a=b"2")
    assert run("send", here)[0] == run("send", here / "a.jpg")[0] == run("send", ".")[0] == 0
    assert fleet.sent == [b"1"], "the same picture, however it is named, and no predicted picture"
    assert run("send", elsewhere)[0] == 0
    second = Path("manyeyes-out") / str(elsewhere.relative_to("/")) / "a.jpg"
    assert (Path("manyeyes-out/holiday/a.jpg").read_bytes(), second.read_bytes()) == (
        b"boxes on 1",
        b"boxes on 2",
    )


def test_send_a_folder_sums_up(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    pictures = album(tmp_path / "in", **{f"p{number:02}": b"%d" % number for number in range(20)})
    out = tmp_path / "out"
    code, said, _ = run("send", pictures, "-o", out)
    assert code == 0
    assert [line.split() for line in said.splitlines()[:3]] == [
        ["person", "faces", "pictures"],
        ["Ada", "20", "20"],
        ["unknown", "20", "20"],
    ]
    assert "20 pictures, 40 faces, 20 named, 0 failed" in said
    assert f"predicted pictures: {out}, results: {out / 'results.jsonl'}\n" in said
    assert said.endswith(f"look at one: {out / 'p00.jpg'}\n")
    code, again, _ = run("send", pictures, "-o", out)
    assert code == 0
    assert (
        "all 20 done already, nothing was sent; --again sends them again, for people who were added since\n"
        in again
    )
    assert again.splitlines()[:3] == said.splitlines()[:3]
    assert len(fleet.sent) == 20


def test_send_a_folder_without_pictures(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").touch()
    code, said, heard = run("send", empty)
    assert (code, said) == (11, "")
    assert heard.startswith(f"error: no pictures found in {empty}; ")
    assert not Path("manyeyes-out").exists() and fleet.asked == []


def test_send_leaves_out_what_it_wrote_before(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    pictures = album(tmp_path / "in", a=b"1")
    first = pictures / "first"
    assert run("send", pictures, "-o", first)[0] == 0
    code, said, heard = run("send", pictures, "-o", tmp_path / "second")
    assert code == 0 and said.startswith(f"{pictures}/a.jpg: ")
    assert heard == f"passed over: results of an earlier 'manyeyes send' in {first}\n"
    assert fleet.sent == [b"1", b"1"]
    code, _, heard = run("send", first, "-o", tmp_path / "third")
    assert code == 11 and f"passed over: results of an earlier 'manyeyes send' in {first}; name" in heard
    assert run("send", first / "a.jpg", "-o", tmp_path / "third")[0] == 0, "a named file is always sent"


def test_send_what_may_not_be_read(
    fleet: Fleet, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, real = album(tmp_path / "in", a=b"1", secret=b"2"), os.access
    monkeypatch.setattr(os, "access", lambda path, *more: "secret" not in str(path) and real(path, *more))
    code, said, _ = run("send", pictures / "a.jpg", pictures / "secret.jpg", "-o", tmp_path / "out")
    assert code == 3
    assert "secret.jpg: failed: it cannot be read: permission denied" in said
    assert fleet.sent == [b"1"]


def test_send_to_an_out_that_cannot_be(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    pictures = album(tmp_path / "in", a=b"1")
    code, _, heard = run("send", pictures, "-o", pictures / "a.jpg" / "out")
    assert code == 2
    assert heard.startswith("error: output folder") and heard.count("\n") == 1
    assert heard.endswith("; name another with -o\n")
    assert run("send", pictures, "-o", pictures)[0] == 2
    assert fleet.sent == []


def test_send_to_no_master(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    pictures = album(tmp_path / "in", **{f"p{number}": b"away" for number in range(40)})
    code, _, heard = run("send", pictures, "-o", tmp_path / "out", "--patience", 0, "--in-flight", 4)
    assert code == 6
    assert "error: no answer from the master at https://10.0.0.4:8443 (1 attempt" in heard
    assert len(fleet.sent) < 12
    alone = album(tmp_path / "one", a=b"away")
    assert run("send", alone, "-o", tmp_path / "out2", "--patience", 0)[0] == 6


def test_send_with_a_refused_key_stops_at_once(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    fleet.answers["POST /v1/recognize"] = problem(errors.NotSignedIn("unknown key"))
    code, _, heard = run("send", album(tmp_path / "in", a=b"1"), "-o", tmp_path / "out")
    assert (code, heard) == (5, "error: unknown key\n")
    assert lines(tmp_path / "out") == {}


def test_people(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    ada = {"name": "Ada [x]", "photos": 2, "added_at": "2025-01-01T00:00:00Z"}
    fleet.answers = {
        "GET /v1/people": httpx.Response(200, json={"people": [ada]}),
        "POST /v1/people": httpx.Response(200, json=ada | {"warnings": [CAUTION]}),
        "GET /v1/people/Ada": httpx.Response(200, json=ada),
        "PATCH /v1/people/Ada": httpx.Response(200, json=ada),
        "DELETE /v1/people/Ada": httpx.Response(204),
        "GET /v1/people/Bob": problem(errors.PersonNotFound("nobody is called 'Bob'")),
    }
    photo = album(tmp_path / "in", a=b"1") / "a.jpg"
    assert "Ada [x]" in run("people", "list")[1]
    assert json.loads(run("people", "list", "--json")[1])[0]["photos"] == 2
    code, said, heard = run("people", "add", "Ada", photo)
    assert (code, said, heard) == (
        0,
        "Ada [x] is enrolled, 2 photos in all\n",
        "warning: a.jpg: the face is small\n",
    )
    known = {"file_name": "a.jpg", "photo_id": 1, "box_xyxy_px": None, "is_new": False}
    new = known | {"photo_id": 2, "is_new": True}
    for added, said in (
        ([known], "this photo was enrolled before, nothing is added; Ada [x] has 2 photos\n"),
        ([known, known], "these 2 photos were enrolled before, nothing is added; Ada [x] has 2 photos\n"),
        ([known, new], "Ada [x] is enrolled, 2 photos in all; 1 of the 2 were enrolled before\n"),
    ):
        fleet.answers["POST /v1/people"] = httpx.Response(200, json=ada | {"added": added})
        assert run("people", "add", "Ada", photo)[1] == said
    assert run("people", "show", "Ada", "--json")[0] == 0
    assert run("people", "rename", "Ada", "Ada [x]")[1] == "Ada is now Ada [x]\n"
    before = len(fleet.asked)
    assert run("people", "remove", "Ada")[::2] == (
        2,
        "error: this cannot be undone, and there is no terminal to ask at; add --yes\n",
    )
    assert {one.method for one in fleet.asked[before:]} == {"GET"}, "the master was not asked to delete"
    assert run("people", "remove", "Ada", "--yes")[1] == "Ada [x] is removed\n", (
        "the name that the master knows"
    )
    assert run("people", "show", "Bob") == (4, "", "error: nobody is called 'Bob'\n")
    assert run("people", "add", "Ada", tmp_path / "no.jpg")[::2] == (
        10,
        f"error: no such file: {tmp_path / 'no.jpg'}\n",
    )


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_a_person_at_a_terminal_is_asked(
    fleet: Fleet, run: Run, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    person = {"name": "Ada", "photos": 2, "added_at": "2025-01-01T00:00:00Z"}
    node = {"name": "a", "state": "ready", "host": {"hostname": "lab"}, "done": 7}
    fleet.answers = {
        "GET /v1/people/Ada": httpx.Response(200, json=person),
        "GET /v1/people/A.%20B.": httpx.Response(200, json=person | {"name": "A. B."}),
        "GET /v1/people/A. B.": httpx.Response(200, json=person | {"name": "A. B."}),
        "GET /v1/people-merges/preview": httpx.Response(200, json=PREVIEW),
        "POST /v1/people/A. B./merge": httpx.Response(200, json=person),
        "DELETE /v1/people/Ada": httpx.Response(204),
        "GET /v1/nodes/a": httpx.Response(200, json=node),
        "DELETE /v1/nodes/a": httpx.Response(204),
    }

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    questions = {
        ("people", "remove", "Ada"): "Delete Ada with 2 photos?",
        ("nodes", "remove", "a"): "Remove node a on lab (ready, 7 pictures done)? Its key never works again.",
        (
            "people",
            "merge",
            "A. B.",
            "Ada",
        ): "The nearest photos of A. B. and Ada are 0.71 apart; photos of one person are usually below 0.63. "
        "These may be two people.\nMove 2 photos of A. B. to Ada, who has 2 photos, and delete the name A. B.?",
    }
    for command, question in questions.items():
        monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
        monkeypatch.setattr("sys.stderr", heard := Terminal())
        before = len(fleet.asked)
        assert run(*command)[0] == code, heard.getvalue()
        assert question in heard.getvalue()
        changed = [request for request in fleet.asked[before:] if request.method != "GET"]
        assert len(changed) == (1 if answer == "y" else 0)


@pytest.mark.parametrize("yes", [(), ("--yes",)])
def test_a_name_that_does_not_exist_is_an_error_before_any_question(
    fleet: Fleet, run: Run, yes: tuple[str, ...]
) -> None:
    person, node = (problem(kind("no such name")) for kind in (errors.PersonNotFound, errors.NodeNotFound))
    fleet.answers = {
        "GET /v1/people/A": person,
        "DELETE /v1/people/A": person,
        "GET /v1/people-merges/preview": person,
        "POST /v1/people/A/merge": person,
        "GET /v1/nodes/a": node,
        "DELETE /v1/nodes/a": node,
    }
    for command in (("people", "remove", "A"), ("people", "merge", "A", "B"), ("nodes", "remove", "a")):
        assert run(*command, *yes) == (4, "", "error: no such name\n")


def test_nodes_status_and_token(fleet: Fleet, run: Run) -> None:
    node = {
        "name": "lab-3",
        "state": "ready",
        "reason": None,
        "workers": 2,
        "host": {},
        "pack": "faces@1.0.0",
    }
    full = {
        "version": "0.1.0",
        "uptime_s": 7300.0,
        "nodes": {"ready": 2, "away": 0},
        "workers": 4,
        "tasks": {"waiting": 2, "running": 1, "done": 9, "failed": 0},
        "people": 3,
        "pack": "faces@1.0.0",
        "done_per_s": 1.5,
        "failed_per_s": 0.25,
        "oldest_waiting_s": 4.2,
        "alerts": [
            {
                "kind": "approval",
                "severity": "warning",
                "node": "lab-3",
                "sentence": "node lab-3 waits for approval",
                "what_to_do": "let it in",
                "since": "2025-01-01T00:00:00Z",
            }
        ],
    }
    fleet.answers = {
        "GET /v1/nodes": httpx.Response(200, json={"nodes": [node]}),
        "GET /v1/overview": httpx.Response(200, json=full),
        "POST /v1/tokens": httpx.Response(200, json={"token": "mt-1", "expires_at": "2025-01-01T00:00:00Z"}),
    }
    listed = run("nodes", "list")[1]
    assert "lab-3" in listed and listed.split()[8:11] == ["seen", "host", "pack"], "as the console calls it"
    assert json.loads(run("nodes", "list", "--json")[1])[0]["workers"] == 2
    said = run("status")[1]
    assert "2 ready; 4 workers" in said
    assert "1.75 a second in the last minute; the oldest waits for 4 s" in said
    assert "\nwarning  node lab-3 waits for approval (noticed " in said
    assert said.endswith("d ago): let it in\n")
    assert json.loads(run("status", "--json")[1])["people"] == 3
    code, said, heard = run("token", "--expires", "30m")
    assert (code, said) == (0, "mt-1\n")
    assert "manyeyes node --join TOKEN" in heard
    assert run("token", "--expires", "soon")[0] == 2


def test_nodes_are_listed_as_wanted(fleet: Fleet, run: Run) -> None:
    page = {"nodes": [{"name": "lab-3", "state": "lost"}], "found": 7, "states": {"lost": 7, "ready": 2}}
    fleet.answers = {"GET /v1/nodes": httpx.Response(200, json=page)}
    code, said, heard = run("nodes", "list", "--state", "lost", "--sort=-last-seen", "--limit", "1")
    assert code == 0 and "lab-3" in said
    assert "6 more are not listed" in heard
    asked = fleet.asked[-1].url.params
    assert (asked["state"], asked["sort"], asked["descending"], asked["limit"]) == (
        "lost",
        "last_seen",
        "true",
        "1",
    )
    code, _, heard = run("nodes", "list", "--state", "bananas")
    assert code == 2 and "state 'bananas'; the states are waiting for approval, cut off," in heard
    assert run("nodes", "list", "--state", "Cut-off")[0] == 0
    assert fleet.asked[-1].url.params["state"] == "cut off"
    code, _, heard = run("nodes", "list", "--sort", "colour")
    assert code == 2 and "cannot be sorted by 'colour'; by name, state" in heard


def test_settings(fleet: Fleet, run: Run) -> None:
    def setting(name: str, value: object, default: object) -> dict[str, object]:
        told = {"name": name, "group": "g", "value": value, "default": default, "sentence": "does things"}
        return told | {"changed": value != default}

    both = [setting("MANYEYES_A", 3, 3), setting("MANYEYES_B", ["x", "y"], [])]
    both.append(setting("MANYEYES_C_BYTES", 1536 << 20, 64 << 20))
    both.append(setting("MANYEYES_D", "", ""))
    both.append(setting("MANYEYES_E_BYTES_PER_S", 33554432.0, 1000.0))
    fleet.answers = {"GET /v1/settings": httpx.Response(200, json={"settings": both})}
    _, said, _ = run("settings")
    assert [line.split() for line in said.splitlines()[1:]] == [
        ["MANYEYES_A", "3", "3", "does", "things"],
        ["MANYEYES_B", "x,", "y", "-", "does", "things"],
        ["MANYEYES_C_BYTES", "1610612736", "(1.5", "GiB)", "67108864", "(64", "MiB)", "does", "things"],
        ["MANYEYES_D", "-", "-", "does", "things"],
        ["MANYEYES_E_BYTES_PER_S", "33554432.0", "(32", "MiB/s)", "1000.0", "does", "things"],
    ], "an empty default is a default too, and sizes are in words"
    assert "MANYEYES_A" not in run("settings", "--changed")[1]
    assert json.loads(run("settings", "--json")[1])[1]["value"] == ["x", "y"]


def test_telling_nodes_what_to_do(fleet: Fleet, run: Run) -> None:
    paused = {"name": "a", "state": "paused", "reason": "by an operator", "desired": "pause"}
    fleet.answers = {
        "POST /v1/nodes/a/pause": httpx.Response(200, json=paused),
        "POST /v1/nodes/b/pause": problem(errors.NodeNotFound("no node is called 'b'")),
        "GET /v1/nodes/a": httpx.Response(
            200, json={**paused, "host": {}, "token": "t1", "fingerprint": "f1"}
        ),
        "DELETE /v1/nodes/a": httpx.Response(204),
    }
    assert run("nodes", "pause", "a", "a") == (0, "a: paused, by an operator\n", "")
    code, said, heard = run("nodes", "pause", "b", "a")
    assert (code, said) == (4, "a: paused, by an operator\n"), "the others hear it all the same"
    assert "no node is called" in heard
    assert json.loads(run("nodes", "pause", "a", "--json")[1])[0]["desired"] == "pause"
    shown = run("nodes", "show", "a")[1]
    assert re.search(r"^desired +pause$", shown, re.M)
    measured = {**paused, "host": {}, "benchmark_s": 0.0938, "picture_s": 0.0938}
    for done, said in ((0, "no picture is done yet"), (3, "recent pictures took 93.8 ms on one worker")):
        fleet.answers["GET /v1/nodes/a"] = httpx.Response(200, json={**measured, "done": done})
        speed = next(line for line in run("nodes", "show", "a")[1].splitlines() if line.startswith("speed"))
        assert speed.endswith(f"93.8 ms on one worker for the pack's test picture; {said}")
    assert "t1" in shown
    assert "f1" in shown
    assert "'manyeyes down' and 'manyeyes up' bring it back" in run("nodes", "remove", "a", "--yes")[2]


@pytest.mark.parametrize(
    ("word", "state", "said"),
    [
        ("pause", "paused", "a: paused\n"),
        ("drain", "lost", "a: lost\n"),
        ("resume", "lost", "a: lost; it works when it is back\n"),
        ("resume", "left", "a: left; it works when it is back; to bring it back, start it on its machine: 'manyeyes node', or "
         "'manyeyes down' and 'manyeyes up' where 'manyeyes up' runs it\n"),
        ("shutdown", "draining", "a: draining; to bring it back, start it on its machine: 'manyeyes node', or "
         "'manyeyes down' and 'manyeyes up' where 'manyeyes up' runs it\n"),
    ],
)  # fmt: skip
def test_what_follows_for_a_node_that_is_away_or_leaves(
    fleet: Fleet, run: Run, word: str, state: str, said: str
) -> None:
    node = {"name": "a", "state": state, "reason": ""}
    fleet.answers = {f"POST /v1/nodes/a/{word}": httpx.Response(200, json=node)}
    assert run("nodes", word, "a")[1] == said


def test_version(run: Run) -> None:
    installed = importlib.metadata.version("manyeyes")
    assert run("--version") == (0, f"manyeyes {installed}\n", "")
    assert run("--version", "status")[:2] == (0, f"manyeyes {installed}\n"), "it goes before every command"


def test_no_master_known(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MANYEYES_CONTEXT", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    code, said, heard = run("status")
    assert (code, said) == (6, "")
    assert heard.startswith("error: no master known: start one with 'manyeyes up'") and heard.count("\n") == 1


def test_interrupt_exits_130(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    code, _, heard = run("send", album(tmp_path / "in", a=b"stop"), "-o", tmp_path / "out")
    assert code == 130
    assert "continues from here" in heard


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), (" 1H ", 3600), ("2d", 172_800)])
def test_durations(text: str, seconds: int) -> None:
    assert status.parse_duration_s(text) == seconds


def test_a_token_that_comes_from_nowhere(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "set_up", lambda *_, **__: None)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, _, heard = run("node", "--join", "-", "--data", tmp_path / "data")
    assert code == 2 and "--join - reads the token from standard input, and nothing came from there" in heard
    assert not (tmp_path / "data").exists()


def test_a_time_of_nothing_is_told_from_a_wrong_form() -> None:
    with pytest.raises(errors.BadRequest, match="is no time at all; the least is 1s"):
        status.parse_duration_s("0m")


@pytest.mark.parametrize("text", ["", "1", "0s", "-1h", "1w", "１h"])
def test_odd_durations(text: str) -> None:
    with pytest.raises(errors.BadRequest):
        status.parse_duration_s(text)


@pytest.mark.parametrize(
    "command",
    ["send", "status", "settings", "token", "nodes list"]
    + [f"nodes {name}" for name in ("show", "approve", "pause", "drain", "resume", "shutdown", "remove")]
    + [
        f"people {name}"
        for name in ("add", "list", "show", "rename", "merge", "remove", "threshold", "check", "feedback")
    ],
)
def test_every_help_has_an_example_and_json(run: Run, command: str) -> None:
    code, said, _ = run(*command.split(), "--help")
    assert code == 0
    assert f"Example: manyeyes {command}" in said
    assert "--json" in said


def test_a_new_key_comes_with_what_its_holder_sets(
    fleet: Fleet, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = {"name": "ann", "role": "user", "created_at": "2026-01-01T00:00:00Z", "key": "mek_x"}
    fleet.answers["POST /v1/keys"] = httpx.Response(200, json=made)
    code, out, said = run("keys", "create", "ann")
    assert (code, out) == (0, "mek_x\n"), "programs read the key alone"
    assert (
        "  MANYEYES_MASTER  https://10.0.0.4:8443\n  MANYEYES_KEY     the key\n  MANYEYES_CA      system\n"
        in said
    )
    here = save_context(Context("https://127.0.0.1:8443", "pem", "key"), tmp_path / "here.json")
    monkeypatch.setenv("MANYEYES_CONTEXT", str(here))
    _, _, said = run("keys", "create", "ann")
    assert "https://127.0.0.1:8443 on this machine; elsewhere https://HOST:PORT" in said
    assert "MANYEYES_CA      a copy of identity/ca.pem" in said
    _, out, said = run("keys", "create", "ann", "--context", tmp_path / "ann.json")
    assert (
        out == ""
        and "runs 'manyeyes contexts add ann.json'; on another machine with --address https://HOST:PORT"
        in said
    )
    asked = len(fleet.asked)
    code, _, said = run("keys", "create", "ann", "--context", tmp_path / "ann.json")
    assert code == errors.FileTrouble.exit_code and "ann.json exists, and the key in it would be lost" in said
    assert len(fleet.asked) == asked, "no key is made"


@pytest.mark.parametrize("option", ["--https-port", "--nats-port"])
@pytest.mark.parametrize("port", [-1, 0, 65_536])
def test_a_port_that_is_none(run: Run, option: str, port: int) -> None:
    code, out, told = run("up", f"{option}={port}")
    assert (code, out) == (2, "") and f"Invalid value for '{option}': it is too " in told


def test_refresh_and_again_contradict_each_other(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    code, out, told = run(
        "send", album(tmp_path / "a", one=b"1"), "-o", tmp_path / "out", "--refresh", "--again"
    )
    assert (code, out) == (2, "") and "--refresh sends no picture, and --again sends all" in told


MADE_KEY = {"name": "ann", "role": "user", "created_at": "2026-01-01T00:00:00Z", "key": "mek_x"}
MADE_TOKEN = {"id": "t1", "token": "me1_x", "expires_at": "2026-01-01T00:00:00Z", "warning": ""}


def output_to(path: str) -> StandardOutput:
    return StandardOutput(open(path, "wb"), encoding="utf-8", line_buffering=False)  # noqa: PTH123


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_secret_that_could_not_be_printed_is_taken_back_or_named(
    fleet: Fleet, run: Run, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    fleet.answers["POST /v1/keys"] = httpx.Response(200, json=MADE_KEY)
    fleet.answers["DELETE /v1/keys/ann"] = httpx.Response(204)
    fleet.answers["POST /v1/tokens"] = httpx.Response(200, json=MADE_TOKEN)
    monkeypatch.setattr("sys.stdout", output_to("/dev/full"))
    code, _, said = run("keys", "create", "ann", *more)
    assert code == 2 and "No space left on device; the key ann is revoked again" in said
    assert [one.method for one in fleet.asked] == ["POST", "DELETE"]
    monkeypatch.setattr("sys.stdout", output_to("/dev/full"))
    code, _, said = run("token", *more)
    assert code == 2 and "nobody has seen the token t1, which expires at 2026-01-01" in said


def test_no_secret_is_made_where_nobody_can_see_it(
    fleet: Fleet, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = output_to(os.devnull)
    nowhere.was_closed = True
    monkeypatch.setattr("sys.stdout", nowhere)
    for command in (["keys", "create", "ann"], ["token"]):
        code, _, said = run(*command)
        assert code == 2 and "is printed there, once only; nothing was made" in said
    assert fleet.asked == []


def test_a_command_whose_answer_is_lost_says_that_its_work_is_done(
    fleet: Fleet, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    person = {"id": 1, "name": "Ada", "photos": 1, "added_at": "2026-01-01T00:00:00Z"}
    fleet.answers["POST /v1/people"] = httpx.Response(200, json=person)
    monkeypatch.setattr("sys.stdout", output_to("/dev/full"))
    code, _, said = run("people", "add", "Ada", album(tmp_path, a=b"x") / "a.jpg")
    assert code == 2 and "what the command has changed stays changed" in said


@pytest.mark.parametrize(
    "command",
    [
        ("--master", "", "people", "list"),
        ("doctor", "--data", ""),
        ("packs", "list", "--data="),
        ("uninstall", "--data", ""),
        ("up", "--root-path", ""),
        ("master", "--plain-http="),
        ("people", "rename", "Ada", ""),
        ("people", "add", "Ada", "a.jpg", ""),
        ("send", ""),
        ("nodes", "list", "--search", ""),
    ],
)
def test_an_empty_value_is_refused_everywhere(fleet: Fleet, run: Run, command: tuple[str, ...]) -> None:
    code, out, said = run(*command)
    assert (code, out) == (2, "") and "is empty; give it a value, or leave it out" in said
    assert fleet.asked == []


@pytest.mark.parametrize(
    "command",
    [
        ("people", "threshold", "--fmr", "nan"),
        ("people", "threshold", "--fmr", "1e999"),
        ("people", "threshold", "--distance", "inf", "--dry-run"),
        ("send", "a.jpg", "--patience", "inf"),
        ("packs", "build", "--name", "x", "--threshold", "inf"),
    ],
)
def test_what_is_no_number_is_refused(fleet: Fleet, run: Run, command: tuple[str, ...]) -> None:
    code, out, said = run(*command)
    assert (code, out) == (2, "") and "a finite number is needed" in said


def test_a_folder_that_is_deleted_is_said(
    fleet: Fleet, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    picture = album(tmp_path, a=b"x") / "a.jpg"
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    code, _, said = run("send", picture)
    monkeypatch.chdir(tmp_path)
    assert (code, said) == (
        2,
        "error: the current folder is deleted; go to another one, and run the command there\n",
    )
