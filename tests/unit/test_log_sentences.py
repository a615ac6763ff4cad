"""A log line in one sentence, as people read it by default."""

from __future__ import annotations

from typing import Any

import pytest

from manyeyes.log_sentences import last_line, sentence


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"outcome": "done", "faces": 4, "answered_ms": 52.3, "attempts": [{"node": "vm"}], "who": "ann"},
            "picture done: 4 faces, vm, 52 ms",
        ),
        (
            {
                "outcome": "done",
                "faces": 1,
                "answered_ms": 12_340,
                "attempts": [{"node": "a"}, {"node": "b"}],
            },
            "picture done: 1 face, 2 attempts, the last on b, 12.3 s",
        ),
        ({"operation": "enrol", "outcome": "done", "answered_ms": 9}, "photo done: 9 ms"),
        ({"outcome": "not-a-picture", "answered_ms": 1}, "picture failed, not-a-picture: 1 ms"),
        (
            {
                "outcome": "damaged-picture",
                "detail": "it ends early",
                "answered_ms": 40,
                "attempts": [{"node": "vm"}],
            },
            "picture failed, damaged-picture: vm, 40 ms (it ends early)",
        ),
        (
            {"outcome": "sender left", "answered_ms": 40},
            "picture not answered, because its sender left: 40 ms",
        ),
    ],
)
def test_each_picture_is_one_sentence(fields: dict[str, Any], said: str) -> None:
    assert sentence("picture", {"trace": "t", "span": "s", **fields}) == said


def test_other_lines_keep_their_facts_but_those_of_programs() -> None:
    told = {
        "pause_s": 2.0,
        "why": "signal 9",
        "by": "key",
        "exception": "x",
        "stages": {"a": 1},
        "node": "lab",
    }
    assert sentence("worker ended", told, machine="lab") == "worker ended: signal 9 (pause 2.0 s)"
    assert sentence("pack complete", {}) == "pack complete"
    changed = {"node": "lab", "old": "ready", "new": "lost", "reason": "not heard of for 7 s"}
    assert sentence("node changed", changed) == "node lab is lost, it was ready (not heard of for 7 s)"


def test_a_node_says_what_went_wrong_in_an_attempt() -> None:
    told = {"outcome": "crashed", "detail": "killed by signal 9", "worked_ms": 30.2}
    assert sentence("attempt", told) == "attempt at a picture crashed: 30 ms (killed by signal 9)"


def test_of_an_exception_the_last_line_is_shown() -> None:
    assert last_line({"exception": "Traceback\n  File\nOSError: disk full\n"}) == "OSError: disk full"
    assert last_line({"text": " "}) == last_line({}) == ""


def test_facts_of_any_kind_can_be_shown() -> None:
    assert sentence("picture", {"outcome": "done", "attempts": 7, "faces": "many"}) == "picture done"
    assert len(sentence("e", {"text_of_a_node": "x\n" * 500})) < 140
    assert len(sentence("e", {"error": "x\n" * 500})) < 620, "a cause is cut only where nobody would read on"
