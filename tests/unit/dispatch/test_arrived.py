"""Outcomes are taken apart as their heads say, and a node cannot fill the memory with what it begins to send."""

from __future__ import annotations

import pytest

from manyeyes.broker.transfer import frame
from manyeyes.contract import CHUNK_BYTES, Outcome
from manyeyes.dispatch import arrived
from manyeyes.dispatch.arrived import MAX_HEAD_BYTES, Chunks, read
from manyeyes.errors import TaskLost, Unavailable


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few bytes stand for large ones here."""
    monkeypatch.setattr(arrived, "LEAST_CHUNK_BYTES", 1)


def outcome(**parts: int) -> bytes:
    return Outcome(session="s", task_id="t", status="done", parts=parts).wire()


def test_an_outcome_is_taken_apart() -> None:
    arrived = read(frame(outcome(picture=3, result=2, empty=0), b"abc{}"))
    assert arrived.outcome.task_id == "t"
    assert arrived.result_json == b"{}"
    assert arrived.attachments == {"picture": b"abc", "empty": b""}
    assert read(frame(outcome(), b"")).result_json == b""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\0\xffcut",
        frame(b"\xff\xfe", b""),
        frame(b"[" * 10_000, b""),
        frame(b'{"v":5,"session":"s","task_id":"t","status":"done","secret":1}', b""),
        frame(b'{"v":5,"session":"s","task_id":"t","status":"fine"}', b""),
        frame(outcome() + b" " * MAX_HEAD_BYTES, b""),
        frame(outcome(picture=3), b"ab"),
        frame(outcome(picture=1), b"ab"),
        frame(outcome(picture=3, result=-1), b"ab"),
    ],
    ids=range(10),
)
def test_an_outcome_that_is_not_what_its_head_says_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        read(content)


def test_a_result_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrived, "MAX_RESULT_BYTES", 4)
    assert read(frame(outcome(result=4), b"1234")).result_json == b"1234"
    with pytest.raises(ValueError, match="5 bytes, the limit is 4"):
        read(frame(outcome(result=5), b"12345"))


def test_chunks_of_several_outcomes_come_together() -> None:
    chunks = Chunks(CHUNK_BYTES)
    assert chunks.add("a", "t", 0, 4, b"ab") is None
    assert chunks.add("b", "t", 0, 4, b"xy") is None
    assert chunks.add("a", "u", 0, 1, b"1") == b"1"
    assert chunks.add("a", "t", 2, 4, b"cd") == b"abcd"
    assert chunks.add("b", "t", 2, 4, b"zz") == b"xyzz"


@pytest.mark.parametrize("offset", [2, 6], ids=["doubled", "missing"])
def test_a_doubled_or_missing_chunk_has_all_sent_again(offset: int) -> None:
    chunks = Chunks(CHUNK_BYTES)
    chunks.add("a", "t", 0, 8, b"ab")
    chunks.add("a", "t", 2, 8, b"cd")
    with pytest.raises(Unavailable, match="send it all again"):
        chunks.add("a", "t", offset, 8, b"xx")
    with pytest.raises(Unavailable):
        chunks.add("a", "t", 4, 8, b"ef")
    assert chunks.add("a", "t", 0, 2, b"ab") == b"ab"


def test_an_outcome_that_is_begun_again_replaces_what_was_begun() -> None:
    chunks = Chunks(CHUNK_BYTES)
    chunks.add("a", "t", 0, 4, b"xx")
    chunks.add("a", "t", 0, 4, b"ab")
    assert chunks.add("a", "t", 2, 4, b"cd") == b"abcd"


def test_a_node_cannot_fill_the_memory() -> None:
    chunks = Chunks(10)
    with pytest.raises(TaskLost, match="11 bytes is over the limit of 10"):
        chunks.add("a", "t", 0, 11, b"x")
    chunks.add("a", "t", 0, 10, b"123456")
    with pytest.raises(Unavailable, match="6 bytes already"):
        chunks.add("a", "u", 0, 10, b"123456")
    chunks.add("a", "v", 0, 10, b"1234")
    assert chunks.add("b", "v", 0, 1, b"x") == b"x", "others are not held back"


def test_what_is_wanted_no_more_is_forgotten() -> None:
    chunks = Chunks(100)
    for task_id in ("t", "u"):
        chunks.add("a", task_id, 0, 4, b"ab")
    chunks.forget("a", "t")
    with pytest.raises(Unavailable):
        chunks.add("a", "t", 2, 4, b"cd")
    chunks.forget("a")
    with pytest.raises(Unavailable):
        chunks.add("a", "u", 2, 4, b"cd")
    assert chunks._begun == {}
