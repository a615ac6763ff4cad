"""A node that lies about what it cut out is believed in nothing, and harms nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.faces.unknown_faces import POINTS, at, cut, face, jpeg, outcome

from manyeyes.face_results import FaceOutcome
from manyeyes.faces.crops import face_crops, portrait_of, thumbnail_of
from manyeyes.results import TooSmall

NOISE = bytes(range(40, 90))


def test_an_honest_outcome_brings_its_faces() -> None:
    found = face_crops(outcome(at(1), at(2)), 8)
    assert [one.said.face for one in found] == [0, 1]
    assert found[1].embedding.tolist() == list(at(2)) and found[0].jpeg[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize(
    "lie",
    [
        {"face": 7},
        {"picture": b"<html><script>alert(1)</script></html>"},
        {"picture": jpeg(kind="PNG")},
        {"picture": jpeg(side=400)},
        {"picture": b"\xff\xd8\xff" + NOISE},
        {"picture": b""},
        {"jpeg": "not base64!"},
        {"landmarks_px": POINTS[:4]},
        {"landmarks_px": ((1e9, 0.0), *POINTS[1:])},
        {"width_px": 0},
        {"width_px": 10**9},
        {"sharpness": -1.0},
        {"sharpness": 1e300},
    ],
    ids=range(13),
)
def test_a_lie_about_a_face_is_left_out(lie: dict[str, object]) -> None:
    place = int(str(lie.pop("face", 0)))
    told = outcome(at(1), at(2), unknown=[cut(1), cut(place, **lie)])
    assert [one.said.face for one in face_crops(told, 8)] == [1]


def test_a_face_with_a_name_is_not_unknown_and_none_counts_twice() -> None:
    told = outcome(at(1), at(2), unknown=[cut(0), cut(0), cut(1)])
    assert told.result is not None
    named = replace(told, result=told.result.model_copy(update={"faces": (face(), face("Ann"))}))
    assert [one.said.face for one in face_crops(named, 8)] == [0]


def test_a_face_that_is_too_small_to_name_is_not_kept() -> None:
    told = outcome(at(1), at(2), unknown=[cut(0), cut(1)])
    assert told.result is not None
    small = face().model_copy(update={"too_small": TooSmall(size_px=9, least_px=24)})
    told = replace(told, result=told.result.model_copy(update={"faces": (face(), small)}))
    assert [one.said.face for one in face_crops(told, 8)] == [0]


@pytest.mark.parametrize("numbers", [128, 7])
def test_embeddings_of_another_length_are_refused(numbers: int) -> None:
    assert face_crops(outcome(at(1)), numbers) == []
    assert face_crops(replace(outcome(at(1)), embeddings=b""), numbers) == []
    assert face_crops(outcome((float("nan"),) * 8), 8) == []
    assert face_crops(FaceOutcome("t", unknown=(cut(),)), 8) == []


@pytest.mark.parametrize(
    "content", [jpeg(side=700), jpeg(kind="PNG"), b"<svg/>", NOISE, b"\xff\xd8\xff"], ids=range(5)
)
def test_a_thumbnail_that_is_none_is_not_shown(content: bytes) -> None:
    assert thumbnail_of(replace(outcome(), thumbnail=content)) == b""
    honest = jpeg(side=640)
    assert thumbnail_of(replace(outcome(), thumbnail=honest)) == honest


@pytest.mark.parametrize("content", [b"<html>", jpeg(side=321), jpeg(kind="GIF"), NOISE], ids=range(4))
def test_a_portrait_that_is_none_is_not_kept(content: bytes) -> None:
    assert portrait_of(content, "a.jpg") == b""
    for honest in (jpeg(side=320), jpeg(kind="WebP"), b""):
        assert portrait_of(honest, "a.jpg") == honest
