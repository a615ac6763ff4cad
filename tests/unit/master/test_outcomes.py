"""What a node says of a picture is passed on only as far as it can do no harm."""

from __future__ import annotations

import json

import pytest
from manyeyes.master.outcomes import MAX_HEAD_BYTES, plain, plain_beat, read_outcome

from manyeyes.contract import Beat, HostFacts, Outcome
from manyeyes.errors import from_code
from manyeyes.results import Face, Result

FACE = Face(
    box_xyxy_px=(0, 0, 1, 1), landmarks_px=(), score=1.0, name="Eileen", distance=0.1, threshold=0.6, confidence=1.0
)  # fmt: skip
RESULT = Result(width_px=1, height_px=1, media_type="image/png", faces=(FACE,), pack="p@1", timings_ms={})


def done(**changes: object) -> bytes:
    return Outcome(task_id="t", kind="done", result=RESULT.model_copy(update=changes)).wire()


def test_an_honest_outcome_passes_unchanged() -> None:
    honest = Outcome(task_id="t", kind="done", result=RESULT)
    assert read_outcome(honest.wire(), "t") == honest
    failed = Outcome(task_id="t", kind="error", code="damaged-picture", detail="it ends early")
    assert read_outcome(failed.wire(), "t") == failed


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"v":4,"task_id":"t","kind":"done","secret":1}',
        b" " * (MAX_HEAD_BYTES + 1),
        done(media_type="text/html"),
        done(predicted_media_type="image/png\r\nSet-Cookie: a=b"),
        done(predicted_media_type="image/svg+xml"),
        done(pack="faces\x1b[2J"),
        done(faces=(FACE.model_copy(update={"name": "\x1b]0;owned\x07"}),)),
        done(faces=(FACE.model_copy(update={"name": "x" * 1000}),)),
    ],
    ids=range(11),
)
def test_what_cannot_be_used_counts_as_a_crash(head: bytes) -> None:
    outcome = read_outcome(head, "t")
    assert (outcome.kind, outcome.task_id, outcome.result) == ("crashed", "t", None)
    assert outcome.detail.startswith("the node's answer cannot be used") and outcome.detail.isprintable()


@pytest.mark.parametrize("code", ["not-signed-in", "busy", "task-lost", "idempotency-mismatch", "nonsense"])
def test_a_node_may_not_speak_for_the_master(code: str) -> None:
    said = Outcome(task_id="t", kind="error", code=code, detail="go\x1b[2Jaway\n" + "x" * 1000)
    outcome = read_outcome(said.wire(), "t")
    error = from_code(outcome.code, outcome.detail)
    assert (error.http_status, error.retryable) == (500, False)
    assert error.detail.startswith("go [2Jaway ") and len(error.detail) == 500


def test_another_pictures_id_is_left_for_the_desk_to_refuse() -> None:
    assert read_outcome(Outcome(task_id="other", kind="done").wire(), "t").task_id == "other"


def test_texts_of_a_heartbeat_are_made_plain() -> None:
    host = HostFacts(hostname="h\x1b[31m", system="s", cpu="c\r\n", cores=1, memory_bytes=1, python="3.11")
    beat = plain_beat(Beat(state="ready", reason="\x1b[2Jfine", host=host))
    shown = json.loads(beat.model_dump_json())
    assert all(text.isprintable() for text in (shown["reason"], *map(str, shown["host"].values())))
    assert plain("a" * 1000, 10) == "a" * 10
