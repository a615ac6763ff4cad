"""Threshold, feedback and enrolment checks through the installed command and real workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFilter, ImageOps

from tests.e2e.conftest import Up
from tests.e2e.pictures import astronaut


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, Path]:
    turned = ImageOps.mirror(astronaut())
    made: dict[str, Image.Image] = {
        "first": astronaut(),
        "other": turned.resize((460, 460)),
        "copy": astronaut().resize((400, 400)),
        "blurred": astronaut().filter(ImageFilter.GaussianBlur(2)),
    }
    for name, picture in made.items():
        picture.save(tmp_path / f"{name}.jpg", quality=85)
    return {name: tmp_path / f"{name}.jpg" for name in made}


@pytest.fixture
def people(up: Up) -> Iterator[None]:
    yield
    for person in json.loads(up.run("people", "list", "--json").stdout):
        up.run("people", "remove", person["name"], "--yes")
    assert up.run("people", "threshold", "--default").returncode == 0


def face(up: Up, photo: Path) -> dict[str, Any]:
    """The only face of a picture, as `send --json` prints it."""
    sent = up.run("send", str(photo), "--json")
    assert sent.returncode == 0, sent.stderr
    (found,) = json.loads(sent.stdout)["faces"]
    return dict(found)


@pytest.mark.usefixtures("people")
def test_a_threshold_counts_from_the_next_picture_on(up: Up, photos: dict[str, Path]) -> None:
    assert up.run("people", "add", "Eileen", str(photos["first"])).returncode == 0
    named = face(up, photos["other"])
    assert named["name"] == "Eileen" and named["threshold"] == 0.58 and named["confidence"] > 0.99
    assert up.run("people", "threshold", "--distance", "0.1").returncode == 0
    strict = face(up, photos["other"])
    assert strict["name"] is None and strict["threshold"] == 0.1 and strict["distance"] == named["distance"]
    asked = json.loads(up.run("people", "threshold", "--fmr", "1e-3", "--json").stdout)
    assert asked["mode"] == "fmr" and asked["fmr"] == pytest.approx(1e-3)
    alone = face(up, photos["other"])
    assert alone["threshold"] == pytest.approx(asked["threshold"]) and alone["name"] == "Eileen"
    assert up.run("people", "add", "Collins", str(photos["copy"])).returncode == 0
    assert face(up, photos["other"])["threshold"] < alone["threshold"]  # more people, same rate
    refused = up.run("people", "threshold", "--fmr", "2")
    assert refused.returncode == 2 and "false-match rate 2.0 is not above 0" in refused.stderr


@pytest.mark.usefixtures("people")
def test_feedback_changes_the_next_answer_and_can_be_undone(
    up: Up, photos: dict[str, Path], tmp_path: Path
) -> None:
    up.run("people", "add", "Eileen", str(photos["first"]))
    result = tmp_path / "result.json"
    result.write_text(up.run("send", str(photos["other"]), "--json").stdout)
    given = up.run("people", "feedback", str(result), "--not", "Eileen")
    assert given.returncode == 0, given.stderr
    assert face(up, photos["other"])["name"] is None

    out = tmp_path / "out"
    up.run("send", str(photos["other"]), "-o", str(out))
    named = up.run("people", "feedback", str(out / "results.jsonl"), "--is", "Collins")
    assert named.returncode == 0, named.stderr
    now = face(up, photos["other"])
    assert now["name"] == "Collins" and now["distance"] < 0.01
    listed = json.loads(up.run("people", "feedback", "--list", "--json").stdout)
    assert [(row["verdict"], row["name"], row["file_name"]) for row in listed] == [
        ("not", "Eileen", "other.jpg"),
        ("is", "Collins", "other.jpg"),
    ]
    for row in listed:
        assert up.run("people", "feedback", "--undo", row["id"]).returncode == 0
    assert face(up, photos["other"])["name"] == "Eileen"
    assert up.run("people", "show", "Collins").returncode == 4

    forged = json.loads(result.read_text())
    sealed = forged["faces"][0]["reference"]
    forged["faces"][0]["reference"] = sealed[:60] + ("A" if sealed[60] != "A" else "B") + sealed[61:]
    result.write_text(json.dumps(forged))
    refused = up.run("people", "feedback", str(result), "--is", "Eileen")
    assert refused.returncode == 2 and "altered" in refused.stderr


@pytest.mark.usefixtures("people")
def test_enrolling_says_what_is_wrong_and_whom_the_face_is_like(up: Up, photos: dict[str, Path]) -> None:
    assert up.run("people", "add", "Eileen", str(photos["first"])).stderr == ""
    second = up.run("people", "add", "Collins", str(photos["blurred"]))
    assert second.returncode == 0
    assert "warning: blurred.jpg: the face is blurred (sharpness " in second.stderr
    assert "this face looks like 'Eileen' (distance 0." in second.stderr
    kinds = {finding["kind"] for finding in json.loads(up.run("people", "check", "--json").stdout)}
    assert kinds == {"double", "one-photo"}
    up.run("people", "add", "Eileen", str(photos["other"]))
    shown = json.loads(up.run("people", "show", "Eileen", "--json").stdout)
    assert [photo["file_name"] for photo in shown["photos_detail"]] == ["first.jpg", "other.jpg"]
    last = shown["photos_detail"][1]["id"]
    assert up.run("people", "remove", "Eileen", "--photo", str(last), "--yes").returncode == 0
    assert json.loads(up.run("people", "show", "Eileen", "--json").stdout)["photos"] == 1
