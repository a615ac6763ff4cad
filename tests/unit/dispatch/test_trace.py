"""What happened to one picture, as its gateway tells it, and what is put together from that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from manyeyes.dispatch import trace as trace_module
from manyeyes.dispatch.trace import PictureTrace, Sender, following, level_of
from manyeyes.errors import Busy, NotAPicture
from manyeyes.monitoring.logs.spans import may_read, spans_of
from manyeyes.store.logs_index import Line
from manyeyes.traces import Trace

TRACE = Trace("a" * 32, "b" * 16, "c" * 16)


def two_attempts() -> PictureTrace:
    trace = PictureTrace(100.0, TRACE, sender=Sender("local admin", "k1"))
    trace.accepted(1234, "image/jpeg", 100.002)
    trace.dispatched("lab-1", 100.010)
    trace.ended("lab-1", "node lost", 107.0)
    trace.dispatched("lab-2", 107.1)
    trace.ended("lab-2", "done", 107.2)
    trace.faces = 2
    trace.finished("done", 107.21)
    return trace


def test_the_line_tells_every_attempt() -> None:
    assert two_attempts().facts() == {
        "trace": "a" * 32, "span": "b" * 16, "parent": "c" * 16, "operation": "recognize",
        "who": "local admin", "by": "k1", "outcome": "done", "size_bytes": 1234, "media_type": "image/jpeg",
        "faces": 2, "accepted_ms": 2.0, "answered_ms": 7210.0,
        "attempts": [
            {"node": "lab-1", "dispatched_ms": 10.0, "ended_ms": 7000.0, "how": "node lost"},
            {"node": "lab-2", "dispatched_ms": 7100.0, "ended_ms": 7200.0, "how": "done"},
        ],
    }  # fmt: skip


def test_an_attempt_that_another_answer_made_needless_ends_with_it() -> None:
    trace = PictureTrace(0.0, TRACE)
    trace.dispatched("slow", 1.0)
    trace.dispatched("fast", 2.0)
    trace.ended("fast", "done", 3.0)
    trace.finished("done", 3.5)
    trace.finished("busy", 9.0)
    assert [(a.node, a.ended_s, a.how) for a in trace.attempts] == [
        ("slow", 3.5, "not needed"),
        ("fast", 3.0, "done"),
    ]
    assert trace.outcome == "done"


def test_a_line_is_written_however_it_ends_and_the_error_names_the_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(trace_module, "note", lambda event, **facts: told.append(facts))

    async def pictures() -> NotAPicture:
        with following(PictureTrace(0.0, TRACE)):
            pass
        with pytest.raises(NotAPicture) as refused, following(PictureTrace(0.0, TRACE)):
            raise NotAPicture("this is text ('dear diary'), not a picture")
        with pytest.raises(Busy), following(PictureTrace(0.0, TRACE)) as trace:
            trace.accepted(1, "image/png", 0.5)
            raise Busy("2000 wait")
        with pytest.raises(KeyboardInterrupt), following(PictureTrace(0.0, TRACE)):
            raise KeyboardInterrupt
        assert told == [], "the sender waits for no line"
        await asyncio.sleep(0)
        return refused.value

    refused = asyncio.run(pictures())
    assert [facts["outcome"] for facts in told] == ["done", "not-a-picture", "busy", "sender left"]
    assert refused.trace_id == "a" * 32
    assert refused.as_problem()["trace_id"] == "a" * 32
    assert "detail" not in told[1], "it quotes what was sent"
    assert told[2]["detail"] == "2000 wait"


def line(number: int, at: float, machine: str, event: str, role: str = "node", **fields: Any) -> Line:
    return Line(number, at, machine, role, "info", event, "a" * 32, fields)


def lines_of_two_attempts() -> list[Line]:
    attempt = {
        "span": "b" * 16, "outcome": "done", "worker": 1, "fetch_ms": 3.0, "waited_ms": 1.0, "worked_ms": 90.0,
        "delivered_ms": 4.0, "stages_ms": {"decode": 10.0, "detect": 60.0, "embed": 20.0},
    }  # fmt: skip
    return [
        line(1, 507.0, "master", "attempt lost", "master", node="lab-1", how="node lost"),
        line(2, 507.21, "master", "picture", "master", **two_attempts().facts()),
        line(3, 999.0, "lab-2", "attempt", **attempt),
    ]


def test_the_waterfall_does_not_care_for_the_nodes_clocks() -> None:
    spans = spans_of(lines_of_two_attempts())
    assert [(s.depth, s.name, s.machine, s.start_ms, s.duration_ms) for s in spans] == [
        (0, "picture", "master", 0.0, 7210.0),
        (1, "take in", "master", 0.0, 2.0),
        (1, "queue", "master", 2.0, 8.0),
        (1, "attempt", "lab-1", 10.0, 6990.0),
        (1, "queue", "master", 7000.0, 100.0),
        (1, "attempt", "lab-2", 7100.0, 100.0),
        (2, "fetch", "lab-2", 7100.0, 3.0),
        (2, "wait", "lab-2", 7103.0, 1.0),
        (2, "work", "lab-2", 7104.0, 90.0),
        (3, "decode", "lab-2", 7104.0, 10.0),
        (3, "detect", "lab-2", 7114.0, 60.0),
        (3, "embed", "lab-2", 7174.0, 20.0),
        (2, "deliver", "lab-2", 7194.0, 4.0),
        (1, "answer", "master", 7200.0, 10.0),
    ]
    assert spans[3].facts == {"number": 1, "how": "node lost"}
    assert spans[0].facts["who"] == "local admin"


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        ("done", "info"),
        ("sender left", "info"),
        ("busy", "info"),
        ("task-lost", "info"),
        ("not-a-picture", "warning"),
        ("picture-kills-workers", "warning"),
        ("internal", "error"),
    ],
)
def test_a_picture_that_failed_is_a_warning_unless_it_may_be_sent_again(outcome: str, level: str) -> None:
    assert level_of(outcome) == level


def test_a_picture_on_its_way_shows_what_its_nodes_said() -> None:
    spans = spans_of(lines_of_two_attempts()[2:])
    assert [(s.depth, s.name) for s in spans][:2] == [(1, "attempt"), (2, "fetch")]
    assert spans_of([]) == []


def test_a_node_cannot_pass_for_a_gateway_and_odd_lines_do_no_harm() -> None:
    forged = line(9, 507.0, "lab-9", "picture", "node", by="k1", span="b" * 16, answered_ms=1.0)
    odd = line(10, 508.0, "master", "picture", "master", attempts="none", answered_ms="long", accepted_ms=[1])
    odder = line(11, 508.0, "lab-2", "attempt", span="b" * 16, outcome="done", stages_ms=[1], worked_ms="x")
    assert spans_of([forged]) == []
    assert len(spans_of([*lines_of_two_attempts(), forged])) == 14
    assert spans_of([odd, odder])[0].duration_ms == 0.0
    assert may_read([forged], "k1") == []


def test_a_user_reads_the_pictures_of_their_own_key_only() -> None:
    others = line(
        4, 508.0, "master", "picture", "master", span="d" * 16, by="k2", attempts=[{"node": "lab-2"}]
    )
    others_attempt = line(5, 508.0, "lab-2", "attempt", span="d" * 16, outcome="done")
    strange = line(6, 508.0, "lab-7", "attempt", span="b" * 16, outcome="done")
    lines = [*lines_of_two_attempts(), others, others_attempt, strange]
    assert [each.number for each in may_read(lines, "k1")] == [2, 3]
    assert [each.number for each in may_read(lines, "k2")] == [4, 5]
    assert may_read(lines, "k3") == [] and may_read(lines, "") == []
