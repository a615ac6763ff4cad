"""`people threshold`, `check`, `feedback` and photos, against a master that answers from a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.cli.test_cli_commands import CAUTION, Fleet, Run, fleet, problem, run  # noqa: F401

from manyeyes import errors

THRESHOLD: dict[str, Any] = {
    "mode": "fmr",
    "threshold": 0.5091,
    "asked_fmr": 0.001,
    "fmr": 0.001,
    "miss_rate": 0.17,
    "people": 3,
    "photos": 4,
    "pack": "faces@1.1.0",
    "extrapolated": True,
    "notes": ["a note"],
}
ROW = {
    "id": "not-1",
    "verdict": "not",
    "name": "Ada",
    "file_name": "a.jpg",
    "added_at": "2026-01-01T00:00:00Z",
}


def sent(fleet: Fleet) -> dict[str, Any]:  # noqa: F811
    found: dict[str, Any] = json.loads(fleet.sent[-1])
    return found


@pytest.fixture(autouse=True)
def master(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    fleet.answers = {
        "GET /v1/people-threshold": httpx.Response(200, json=THRESHOLD),
        "PUT /v1/people-threshold": httpx.Response(200, json=THRESHOLD),
        "GET /v1/people-check": httpx.Response(200, json={"findings": [CAUTION]}),
        "GET /v1/people-feedback": httpx.Response(200, json={"feedback": [ROW]}),
        "POST /v1/people-feedback": httpx.Response(200, json=ROW | {"warnings": [CAUTION]}),
        "DELETE /v1/people-feedback/not-1": httpx.Response(200, json=ROW),
        "DELETE /v1/people-photos/7": httpx.Response(200, json={"name": "Ada", "photos": 1}),
    }
    answer = Fleet.__call__

    def keeping(self: Fleet, request: httpx.Request) -> httpx.Response:
        self.sent.append(request.content)
        return answer(self, request)

    monkeypatch.setattr(Fleet, "__call__", keeping)


def test_threshold(fleet: Fleet, run: Run) -> None:  # noqa: F811
    code, said, heard = run("people", "threshold")
    assert (code, heard) == (0, "warning: a note\n")
    assert said.splitlines() == [
        "in force: the rate that you set, 0.1 % of strangers; "
        "threshold 0.509 for 3 people with 4 photos, pack faces@1.1.0",
        "0.1 % of strangers get a name (estimated beyond what was measured)",
        "17 % of the pictures of a person with one photo get no name",
    ]
    assert json.loads(run("people", "threshold", "--json")[1])["threshold"] == 0.5091
    for flags, wish in (
        (["--fmr", "1e-3"], {"fmr": 0.001, "distance": None}),
        (["--fmr", "0.1 %"], {"fmr": 0.001, "distance": None}),
        (["--distance", "0.5"], {"fmr": None, "distance": 0.5}),
        (["--default"], {"fmr": None, "distance": None}),
    ):
        assert run("people", "threshold", *flags)[0] == 0
        assert sent(fleet) == wish
    assert run("people", "threshold", "--fmr", "1e-3", "--default")[0] == 2
    said = "error: --fmr 'a few' is no share; write 0.01 or 1% for one stranger of a hundred\n"
    assert run("people", "threshold", "--fmr", "a few") == (2, "", said)
    would_be = THRESHOLD | {"threshold": 0.4321}
    fleet.answers["GET /v1/people-threshold/preview"] = httpx.Response(200, json=would_be)
    fleet.answers["PUT /v1/people-threshold"] = problem(errors.NotAllowed("nothing is to be set"))
    said = run("people", "threshold", "--fmr", "1e-4", "--dry-run")[1]
    assert said.startswith("would be in force: ") and "threshold 0.432 " in said
    assert run("people", "threshold", "--dry-run")[0] == 2
    fleet.answers["PUT /v1/people-threshold"] = problem(errors.ThresholdRefused("no calibration"))
    assert run("people", "threshold", "--fmr", "1e-3") == (2, "", "error: no calibration\n")


def test_threshold_without_calibration_says_so(fleet: Fleet, run: Run) -> None:  # noqa: F811
    bare = THRESHOLD | {"mode": "distance", "asked_fmr": None, "fmr": None, "miss_rate": None, "notes": []}
    fleet.answers["GET /v1/people-threshold"] = httpx.Response(200, json=bare)
    said = run("people", "threshold")[1]
    assert "the distance that you set; threshold 0.509 " in said and "has no calibration" in said


def test_check(fleet: Fleet, run: Run) -> None:  # noqa: F811
    assert run("people", "check")[:2] == (0, "small: the face is small\n1 thing to look at\n")
    assert json.loads(run("people", "check", "--json")[1])[0]["kind"] == "small"
    fleet.answers["GET /v1/people-check"] = httpx.Response(200, json={"findings": []})
    assert run("people", "check")[1] == "nothing to correct\n"


def test_feedback(fleet: Fleet, run: Run, tmp_path: Path) -> None:  # noqa: F811
    result = tmp_path / "r.json"
    result.write_text(json.dumps({"file": "a.jpg", "faces": [{"name": "Ada", "reference": "mef1.x"}]}))
    code, said, heard = run("people", "feedback", result, "--not", "Ada")
    assert (code, heard) == (0, "warning: a.jpg: the face is small\n")
    assert said == "not-1: the face in a.jpg is not Ada; this counts from the next picture on\n"
    assert sent(fleet) == {"reference": "mef1.x", "verdict": "not", "name": "Ada", "file_name": "a.jpg"}
    run("people", "feedback", result, "--is", "Bob")
    assert sent(fleet)["verdict"] == "is" and sent(fleet)["name"] == "Bob"
    assert "not-1" in run("people", "feedback", "--list")[1]
    assert "is taken back" in run("people", "feedback", "--undo", "not-1")[1]
    for wrong in (
        [],
        [result],
        [result, "--is", "A", "--not", "B"],
        ["--list", "--undo", "x"],
        [result, "--list"],
    ):
        assert run("people", "feedback", *wrong)[0] == 2
    assert run("people", "feedback", tmp_path / "none.json", "--is", "A")[0] == 10
    fleet.answers["POST /v1/people-feedback"] = problem(errors.ReferenceRefused("altered"))
    assert run("people", "feedback", result, "--is", "A") == (2, "", "error: altered\n")


def test_photos_are_listed_and_removed(fleet: Fleet, run: Run) -> None:  # noqa: F811
    photo = {
        "id": 7,
        "file_name": "a.jpg",
        "source": "enrolled",
        "added_at": ROW["added_at"],
        "warnings": [CAUTION],
    }
    fleet.answers["GET /v1/people/Ada"] = httpx.Response(
        200, json={"name": "Ada", "photos": 2, "photos_detail": [photo]}
    )
    said = run("people", "show", "Ada")[1]
    assert "a.jpg" in said and "small" in said and "enrolled" in said
    assert run("people", "remove", "Ada", "--photo", 7)[::2] == (
        2,
        "error: this cannot be undone, and there is no terminal to ask at; add --yes\n",
    )
    assert run("people", "remove", "Ada", "--photo", 8)[2] == (
        "error: 'Ada' has no photo 8; 'manyeyes people show' lists them\n"
    )
    assert {one.method for one in fleet.asked} == {"GET"}, "nothing is deleted without a yes"
    assert run("people", "remove", "Ada", "--photo", 7, "--yes")[1] == "photo 7 is removed; Ada has 1 photo\n"
