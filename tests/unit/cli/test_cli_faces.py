"""`faces` and `people merge`, against a master that answers from a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.cli.test_cli_commands import CAUTION, PREVIEW, Fleet, Run, fleet, problem, run  # noqa: F401
from tests.unit.sdk.test_sdk_groups import ADDED, GROUP, RECENT, RETENTION, WHEN, image

from manyeyes import errors

OFF: dict[str, Any] = {"on": False, "for_s": None, "since": None, "kept": 0, "most": 2000}
PHOTO = {"id": 7, "file_name": "a.jpg", "source": "kept", "added_at": WHEN}
NAMED = {"name": "Ada", "photos": 3, "added": [ADDED], "warnings": [CAUTION]}


@pytest.fixture(autouse=True)
def master(fleet: Fleet) -> None:  # noqa: F811
    fleet.answers = {
        "GET /v1/faces/unknown": httpx.Response(200, json={"retention": RETENTION, "groups": [GROUP]}),
        "GET /v1/faces/retention": httpx.Response(200, json=OFF),
        "PUT /v1/faces/retention": httpx.Response(200, json={**RETENTION, "for_s": 604800}),
        "POST /v1/faces/unknown/4/name": httpx.Response(200, json=NAMED),
        "DELETE /v1/faces/unknown/4": httpx.Response(200, json={"dismissed": 3}),
        "DELETE /v1/faces/unknown/5": problem(errors.EntryNotFound("there is no group 5")),
        "GET /v1/faces/unknown/3/image": image(),
        "GET /v1/people/Ada": httpx.Response(
            200, json={"name": "Ada", "photos": 1, "photos_detail": [PHOTO]}
        ),
        "GET /v1/people-portraits/Ada": image(),
        "GET /v1/people-photos/7/image": image(),
        "GET /v1/recent": httpx.Response(200, json={"pictures": [RECENT], "most": 24}),
        "GET /v1/recent/r/image": image(),
        "POST /v1/people/A. B./merge": httpx.Response(200, json={"name": "Ada", "photos": 3}),
    }


def test_groups_are_listed(fleet: Fleet, run: Run) -> None:  # noqa: F811
    code, out, err = run("faces", "list")
    assert code == 0 and "Ada (0.70)" in out and out.split()[0] == "group"
    assert "kept for 60 s each; 1 now, 2000 at most" in err
    assert json.loads(run("faces", "list", "--json")[1])["groups"][0]["face_ids"] == [3]
    fleet.answers["GET /v1/faces/unknown"] = httpx.Response(200, json={"retention": OFF, "groups": []})
    assert "unknown faces are not kept; 'manyeyes faces keep --for 7d'" in run("faces", "list")[1]


def test_a_group_is_named_or_dismissed(fleet: Fleet, run: Run) -> None:  # noqa: F811
    code, out, err = run("faces", "name", 4, "Ada", "--face", 3)
    assert (code, out) == (0, "group 4 is Ada; 1 enrolled, 3 photos in all\n") and "warning: a.jpg" in err
    assert json.loads(run("faces", "name", 4, "Ada", "--json")[1])["added"][0]["photo_id"] == 7
    about_name = {"kind": "same-name", "sentence": "the name ada is that of Ada"}
    fleet.answers["POST /v1/faces/unknown/4/name"] = httpx.Response(
        200, json={**NAMED, "warnings": [about_name]}
    )
    assert run("faces", "name", 4, "ada")[2] == "warning: the name ada is that of Ada\n"
    assert run("faces", "dismiss", 4)[1] == "group 4 is dismissed, 3 faces\n"
    assert json.loads(run("faces", "dismiss", 4, "--json")[1]) == {"dismissed": 3}
    assert run("faces", "dismiss", 5)[0] == errors.EntryNotFound.exit_code


def test_keeping_is_told_and_changed(run: Run) -> None:  # noqa: F811
    assert run("faces", "keep")[1].startswith("unknown faces are not kept")
    assert "kept for 7 d each" in run("faces", "keep", "--for", "7d")[1]
    assert run("faces", "keep", "--off")[0] == 0
    assert json.loads(run("faces", "keep", "--json")[1])["on"] is False
    assert run("faces", "keep", "--for", "7d", "--off")[0] == errors.BadRequest.exit_code
    assert run("faces", "keep", "--for", "soon")[0] == errors.BadRequest.exit_code


def test_two_names_become_one(run: Run) -> None:  # noqa: F811
    assert run("people", "merge", "A. B.", "Ada", "--yes")[1] == "A. B. is Ada now, with 3 photos\n"
    assert json.loads(run("people", "merge", "A. B.", "Ada", "--yes", "--json")[1])["photos"] == 3


def test_a_merge_is_listed_and_undone(fleet: Fleet, run: Run) -> None:  # noqa: F811
    when, until = "2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z"
    merge = {"id": 3, "name": "A. B.", "into": "Ada", "merged_at": when, "until": until}
    fleet.answers = {
        "POST /v1/people/A. B./merge": httpx.Response(200, json={"name": "Ada", "photos": 3, "merge": merge}),
        "GET /v1/people-merges": httpx.Response(200, json={"merges": [merge]}),
        "GET /v1/people-merges/preview": httpx.Response(200, json=PREVIEW),
        "DELETE /v1/people-merges/3": httpx.Response(
            200, json={"name": "A. B.", "photos": 1, "merge": merge}
        ),
    }
    assert run("people", "merge", "A. B.", "Ada", "--yes")[1] == (
        "A. B. is Ada now, with 3 photos\n"
        "until 2026-01-31 this can be undone: manyeyes people merge --undo 3\n"
    )
    assert run("people", "merge", "--list")[1].splitlines()[1].startswith("3   A. B.  Ada")
    assert json.loads(run("people", "merge", "--list", "--json")[1])[0]["id"] == 3
    assert run("people", "merge", "--undo", 3)[1] == "A. B. is back, with 1 photo; Ada keeps the others\n"
    fleet.answers["DELETE /v1/people-merges/3"] = problem(errors.EntryNotFound("there is no merge 3"))
    assert run("people", "merge", "--undo", 3) == (4, "", "error: there is no merge 3\n")
    for wrong in (("A. B.",), ("A. B.", "Ada", "--list"), ("--list", "--undo", 3), ()):
        assert run("people", "merge", *wrong)[0] == 2
    before = len(fleet.asked)
    code, _, heard = run("people", "merge", "A. B.", "Ada")
    assert code == 2 and {one.method for one in fleet.asked[before:]} == {"GET"}
    assert heard == "error: this asks first, and there is no terminal to ask at; add --yes\n"


def test_pictures_are_written_for_their_owner_alone(run: Run, tmp_path: Path) -> None:  # noqa: F811
    folder = tmp_path / "look"
    assert run("faces", "save", 4, folder)[1] == f"wrote 1 face to {folder}\n"
    assert (folder / "face-3.jpg").read_bytes() == b"\xff\xd8"
    assert (folder / "face-3.jpg").stat().st_mode & 0o777 == 0o600
    assert run("faces", "save", 9, folder)[0] == errors.EntryNotFound.exit_code
    for extra in ((), ("--photo", "7")):
        code, out, _ = run("people", "portrait", "Ada", tmp_path / f"ada{len(extra)}.jpg", *extra, "--json")
        assert code == 0 and json.loads(out)["media_type"] == "image/jpeg"
    assert run("people", "portrait", "Ada", tmp_path / "x", "--photo", 8)[0] == errors.EntryNotFound.exit_code
    assert run("people", "portrait", "Ada", tmp_path / "ada.png")[::2] == (
        2,
        f"error: the picture is JPEG, and {tmp_path}/ada.png is a name of another kind; name it {tmp_path}/ada.jpg\n",
    )
    (tmp_path / "there.jpg").write_text("mine")
    code, _, err = run("people", "portrait", "Ada", tmp_path / "there.jpg")
    assert code == 2 and "there.jpg exists, and this would replace it" in err and "--yes" in err
    assert (tmp_path / "there.jpg").read_text() == "mine"
    assert run("people", "portrait", "Ada", tmp_path / "there.jpg", "--yes")[0] == 0
    assert (tmp_path / "there.jpg").read_bytes() == b"\xff\xd8"
    (tmp_path / "file").touch()
    assert run("faces", "save", 4, tmp_path / "file")[0] == errors.FileTrouble.exit_code


def test_recent_pictures_are_listed_and_saved(fleet: Fleet, run: Run, tmp_path: Path) -> None:  # noqa: F811
    code, out, err = run("recent", "--save", tmp_path / "look")
    assert code == 0 and "Ada" in out and "2 ms" in out
    assert out.split()[0] == "file" and "r.jpg" in out and err == f"wrote 1 picture to {tmp_path / 'look'}\n"
    assert (tmp_path / "look" / "r.jpg").read_bytes() == b"\xff\xd8"
    assert json.loads(run("recent", "--json")[1])["pictures"][0]["who"] == "key"
    both = [RECENT, RECENT | {"id": "q", "has_image": False}]
    fleet.answers["GET /v1/recent"] = httpx.Response(200, json={"pictures": both, "most": 24})
    code, out, err = run("recent", "--save", tmp_path / "look")
    assert [line.split()[0] for line in out.splitlines()] == ["file", "r.jpg", "-"]
    assert err.endswith("look; 1 has none: it was sent with --draw here or none\n")
    assert run("recent")[1].startswith("picture")
    fleet.answers["GET /v1/recent"] = httpx.Response(200, json={"pictures": [], "most": 0})
    assert run("recent")[1] == "this master keeps no recent pictures\n"
