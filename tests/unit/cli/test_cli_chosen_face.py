from __future__ import annotations

import json
from typing import Any

import pytest

from manyeyes.cli.chosen_face import choose_face
from manyeyes.errors import BadRequest


def face(name: str | None, reference: str) -> dict[str, Any]:
    return {"box": [1, 2, 3, 4], "name": name, "reference": reference}


PARTY = {"file": "deep/party.jpg", "faces": [face("Ann", "r1"), face(None, "r2"), face("Bob", "r3")]}
SMALL = {"box": [0, 0, 9, 12], "name": None, "reference": "", "too_small": {"size_px": 9, "least_px": 24}}
CROWD = {"file": "crowd.jpg", "faces": [face("Ann", "r6"), *[SMALL] * 200, face("Ann", "r7")]}
ALONE = {"file": "alone.jpg", "faces": [face("Ann", "r4")]}
FAILED = {"file": "bad.jpg", "error": {"code": "empty-picture", "detail": "it is empty"}}
LINES = "".join(json.dumps(line) + "\n" for line in (PARTY, FAILED, ALONE))


def chosen(text: str, **more: str | None) -> str:
    wish: dict[str, Any] = {"picture": None, "face": None, "named": None} | more
    return choose_face(text, where="r.jsonl", **wish).reference


def test_every_way_to_say_which_face() -> None:
    assert chosen(json.dumps(ALONE)) == "r4"
    assert chosen(json.dumps(PARTY, indent=2), face="2") == "r2"
    assert chosen(LINES, picture="party.jpg", face="Bob") == "r3"
    assert chosen(LINES, picture="deep/party.jpg", named="Ann") == "r1"
    assert chosen(LINES, picture="deep/party.jpg", named="ANN") == "r1"
    assert chosen(LINES, picture="/home/me/alone.jpg") == "r4"
    assert chosen(json.dumps(ALONE), named="somebody else") == "r4"  # one face: no doubt
    whole = {"width_px": 9, "faces": [{"box_xyxy_px": [1, 2, 3, 4], "name": None, "reference": "r5"}]}
    assert chosen(json.dumps(whole)) == "r5"
    assert choose_face(LINES, where="x", picture="alone.jpg", face=None, named=None).file_name == "alone.jpg"


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        (LINES, {}, "2 results; choose a picture with --picture"),
        (LINES, {"picture": "bad.jpg"}, "no picture called 'bad.jpg'"),
        (
            LINES,
            {"picture": "party.jpg"},
            r"3 faces: 1 is Ann at \[1, 2, 3, 4\], 2 is unknown .*with --face N",
        ),
        (LINES, {"picture": "party.jpg", "face": "4"}, "there is no face 4"),
        (LINES, {"picture": "party.jpg", "face": "0"}, "there is no face 0"),
        (
            LINES,
            {"picture": "party.jpg", "named": "Eve"},
            "no face in it got the name 'Eve'; 3 faces: 1 is Ann",
        ),
        (json.dumps({"file": "a.jpg", "faces": []}), {}, "no face was found"),
        (json.dumps({"file": "a.jpg", "faces": [{"name": "Ann"}]}), {}, "older manyeyes"),
        (json.dumps({"faces": ["odd"]}), {}, "no references"),
        (
            json.dumps(CROWD),
            {},
            r"202 faces: 1 is Ann .*, 202 is Ann at \[1, 2, 3, 4\], 200 too small to name; choose",
        ),
        (
            json.dumps(CROWD),
            {"face": "7"},
            "too small to name: it is 9 px wide, 24 are needed; send the original",
        ),
        ("not json", {}, "is no result"),
        ("[]", {}, "has no result"),
        ("", {}, "is no result|has no result"),
    ],
)
def test_what_is_unclear_says_what_there_is(text: str, more: dict[str, str], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        chosen(text, **more)
