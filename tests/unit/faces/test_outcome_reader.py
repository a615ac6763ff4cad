"""What a node says of a picture is passed on only as far as it can do no harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.faces.unknown_faces import cut

from manyeyes.contract import Outcome, Task
from manyeyes.dispatch.arrived import Arrived
from manyeyes.errors import ManyeyesError
from manyeyes.face_results import MAX_CROP_BYTES, MOST_UNKNOWN, Enrolled, UnknownFace, UnknownFaces
from manyeyes.faces.outcome_reader import FaceReader
from manyeyes.plain_text import MAX_TEXT_CHARACTERS
from manyeyes.results import Caution, Face, Result, TooSmall

FACE = Face(
    box_xyxy_px=(0, 0, 1, 1), landmarks_px=(), score=1.0, name="Eileen", distance=0.1, threshold=0.6, confidence=1.0
)  # fmt: skip
RESULT = Result(width_px=1, height_px=1, media_type="image/png", faces=(FACE,), pack="p@1", timings_ms={})
ENROLLED = Enrolled(embedding=(0.5,), embedder="e", box_xyxy_px=(1, 2, 3, 4))
TOO_SMALL = TooSmall(size_px=9, least_px=24)
EVERYTHING = ("picture", "unknown", "thumbnail")


def task(kind: str = "recognize", wants: tuple[str, ...] = EVERYTHING) -> Task:
    return Task(id="t", kind=kind, pack="p@1", size_bytes=1, wants=wants)


def outcome(**changes: Any) -> Outcome:
    return Outcome(**{"session": "s", "task_id": "t", "status": "done", **changes})


def arrived(result_json: bytes, **attachments: bytes) -> Arrived:
    return Arrived(outcome(), result_json, attachments)


def changed(**changes: object) -> bytes:
    return RESULT.model_copy(update=changes).model_dump_json().encode()


def unknown(*faces: UnknownFace) -> bytes:
    return UnknownFaces(faces=faces).model_dump_json().encode()


def test_an_honest_result_passes_unchanged_with_what_is_attached() -> None:
    said = changed()
    told = FaceReader().content(
        task(),
        arrived(
            said, picture=b"jpeg", embeddings=b"\0\0", unknown=unknown(cut()), thumbnail=b"small", more=b"x"
        ),
    )
    assert (told.task_id, told.result, told.result_json, told.enrolled) == ("t", RESULT, said, None)
    assert (told.picture, told.embeddings, told.thumbnail) == (b"jpeg", b"\0\0", b"small")
    assert told.unknown == (cut(),)


@pytest.mark.parametrize("kind", ["enrol", "embed"])
def test_an_honest_enrolment_passes_with_its_portrait(kind: str) -> None:
    said = arrived(ENROLLED.model_dump_json().encode(), picture=b"portrait")
    told = FaceReader().content(task(kind), said)
    assert (told.enrolled, told.picture, told.result) == (ENROLLED, b"portrait", None)


@pytest.mark.parametrize(("wanted", "other"), [("unknown", "thumbnail"), ("thumbnail", "unknown")])
def test_only_what_was_asked_for_is_passed_on(wanted: str, other: str) -> None:
    said = arrived(changed(), unknown=unknown(cut()), thumbnail=b"small")
    told = FaceReader().content(task(wants=(wanted,)), said)
    assert bool(getattr(told, wanted)) and not getattr(told, other)
    unread = arrived(changed(), unknown=b"no JSON", thumbnail=b"")
    assert FaceReader().content(task(wants=()), unread).unknown == ()


@pytest.mark.parametrize(
    "result_json",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}",
        ENROLLED.model_dump_json().encode(),
        changed(media_type="text/html"),
        changed(predicted_media_type="image/png\r\nSet-Cookie: a=b"),
        changed(predicted_media_type="image/svg+xml"),
        changed(pack="faces\x1b[2J"),
        changed(timings_ms={"a\nb": 1.0}),
        changed(faces=(FACE.model_copy(update={"name": "\x1b]0;owned\x07"}),)),
        changed(faces=(FACE.model_copy(update={"name": "x" * 1000}),)),
        changed(faces=(FACE.model_copy(update={"too_small": TOO_SMALL}),)),
        changed(faces=(FACE.model_copy(update={"too_small": TOO_SMALL, "name": None}),)),
    ],
    ids=range(14),
)
def test_a_result_that_cannot_be_used_is_refused(result_json: bytes) -> None:
    with pytest.raises(ValueError):
        FaceReader().content(task(), arrived(result_json))


def warned(**changes: Any) -> Caution:
    return Caution(**{"kind": "small", "sentence": "s", **changes})


HOSTILE = [
    warned(kind="small\x1b[2J"),
    warned(sentence="x" * (MAX_TEXT_CHARACTERS + 1)),
    warned(photo="a\r\nb"),
    warned(people=("Ann\x07",)),
]


def test_a_name_may_hold_joiners() -> None:
    caution = warned(people=("علی\N{ZERO WIDTH NON-JOINER}رضا", "👩\N{ZERO WIDTH JOINER}👧"))
    enrolled = ENROLLED.model_copy(update={"warnings": (caution,)}).model_dump_json().encode()
    assert FaceReader().content(task("enrol"), arrived(enrolled)).enrolled is not None


@pytest.mark.parametrize("caution", HOSTILE, ids=range(4))
def test_warnings_that_nobody_should_be_shown_are_refused(caution: Caution) -> None:
    enrolled = ENROLLED.model_copy(update={"warnings": (caution,)}).model_dump_json().encode()
    with pytest.raises(ValueError, match="no text to be shown"):
        FaceReader().content(task("enrol"), arrived(enrolled))
    with pytest.raises(ValueError, match="no text to be shown"):
        FaceReader().content(task(), arrived(changed(), unknown=unknown(cut(warnings=(caution,)))))


def test_too_many_or_too_large_unknown_faces_are_refused() -> None:
    one = json.loads(unknown(cut()))["faces"][0]
    for lie in (
        [one] * (MOST_UNKNOWN + 1),
        [{**one, "jpeg": "A" * (MAX_CROP_BYTES * 2)}],
        [{**one, "face": -1}],
        [{**one, "secret": 1}],
    ):
        with pytest.raises(ValueError):
            FaceReader().content(task(), arrived(changed(), unknown=json.dumps({"faces": lie}).encode()))


@pytest.mark.parametrize("code", ["damaged-picture", "no-face", "pack"])
def test_a_node_tells_what_is_wrong_with_a_picture_or_its_pack(code: str) -> None:
    error = FaceReader().error(outcome(status="error", code=code, detail="it ends early"))
    assert (error.code, error.detail) == (code, "it ends early")


@pytest.mark.parametrize(
    "code", ["not-signed-in", "busy", "task-lost", "idempotency-mismatch", "nonsense", ""]
)
def test_a_node_may_not_speak_for_the_master(code: str) -> None:
    said = outcome(status="error", code=code, detail="go\x1b[2Jaway\n" + "x" * 1000)
    error = FaceReader().error(said)
    assert (error.code, error.http_status, error.retryable) == (ManyeyesError.code, 500, False)
    assert error.detail.startswith("go [2Jaway ") and len(error.detail) == MAX_TEXT_CHARACTERS
