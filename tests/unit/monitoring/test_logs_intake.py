"""What a node says in its log is data: bounded, guarded, and never the speaker's own word for who it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from manyeyes.broker.transfer import frame
from manyeyes.contract import LogBatch
from manyeyes.monitoring.logs.intake import Budget, own_line, read_batch
from manyeyes.telemetry.batches import packed, unpacked

SENT_AT = 1_800_000_000.0


def said(*lines: dict[str, Any] | bytes, sent_at: float = SENT_AT) -> bytes:
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return frame(LogBatch(sent_at=sent_at).wire(), packed(raw))


def at(seconds: float) -> str:
    return datetime.fromtimestamp(SENT_AT + seconds, UTC).isoformat()


def kept(message: bytes, received_at: float = SENT_AT, budget: Budget | None = None) -> tuple[list[Any], int]:
    batch, dropped = read_batch("lab-1", message, received_at, budget or Budget(100.0), 0.0)
    return ([json.loads(line) for line in unpacked(batch.data)] if batch else []), dropped


def test_a_line_is_kept_by_the_masters_clock() -> None:
    line = {
        "event": "attempt",
        "level": "info",
        "timestamp": at(-3),
        "role": "master",
        "machine": "x",
        "trace": "a" * 32,
    }
    lines, dropped = kept(said(line), received_at=SENT_AT + 3600)
    assert dropped == 0
    assert lines == [{"at": SENT_AT + 3597, "event": "attempt", "level": "info", "trace": "a" * 32}]
    assert kept(said({**line, "timestamp": at(+500)}))[0][0]["at"] == SENT_AT, "nothing is said in the future"


def test_what_is_odd_is_put_right_or_left_out() -> None:
    good = {"event": "e", "timestamp": at(0)}
    lines, dropped = kept(
        said(
            good,
            {**good, "level": "shouting", "trace": "../..", "text": "\x1b[2Jred", "\x1bname": "x"},
            {**good, "key": "mek_" + "a" * 40, "text": "mek_" + "b" * 40, "numbers": [0.5] * 128},
            {"timestamp": at(0)},
            {"event": "", "timestamp": at(0)},
            {"event": "e"},
            {"event": "e", "timestamp": "today"},
            {**good, **{f"f{n}": n for n in range(100)}},
            {**good, "long": "x" * 9000},
            b"[" * 5000,
            b"nonsense",
            b'{"event":"e","timestamp":1e999}',
        )
    )
    assert dropped == 9
    assert [line["level"] for line in lines] == ["info"] * 3
    assert "trace" not in lines[1] and lines[1]["text"] == " [2Jred" and " name" in lines[1]
    assert "mek_" not in json.dumps(lines) and lines[2]["numbers"] == "<128 numbers>"


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff" * 100,
        b"\0\0\0\2{}",
        frame(b"{}", b""),
        said(sent_at=1.0)[:-2],
        frame(LogBatch(sent_at=1).wire(), b"x" * 9),
    ],
)
def test_what_is_no_batch_is_dropped(message: bytes) -> None:
    assert kept(message) == ([], 1)


@pytest.mark.parametrize("sent_at", [float("inf"), float("-inf"), float("nan"), 1e300])
def test_a_clock_that_is_none(sent_at: float) -> None:
    head = json.dumps({"v": 4, "sent_at": sent_at}).encode()
    message = frame(head, packed([json.dumps({"event": "e", "timestamp": at(0)}).encode()]))
    assert kept(message)[0] == [] or json.loads(json.dumps(kept(message)[0], allow_nan=False))


def test_a_node_says_so_many_lines_and_no_more_while_another_is_heard() -> None:
    budget = Budget(10.0)
    many = said(*({"event": f"e{number}", "timestamp": at(0)} for number in range(500)))
    lines, dropped = kept(many, budget=budget)
    assert (len(lines), dropped) == (101, 399)
    assert read_batch("lab-2", many, SENT_AT, budget, 0.0)[1] == 399
    assert len(kept(many, budget=budget)[0]) == 0
    later, _ = read_batch("lab-1", many, SENT_AT, budget, 5.0)
    assert later is not None and 45 < later.lines < 55
    assert sum(budget.batch("lab-1", 5.0) for _ in range(100)) == 41
    budget.forget("lab-1")
    assert budget.batch("lab-1", 5.0)


def test_large_lines_count_by_their_size() -> None:
    wide = said(*({"event": "e", "timestamp": at(0), "text": "word " * 300} for _ in range(80)))
    lines, dropped = kept(wide, budget=Budget(10.0))
    assert len(lines) < 40 and dropped > 40


def test_a_masters_own_line() -> None:
    line = own_line(
        json.dumps({"role": "master", "event": "e", "level": "info", "timestamp": at(1), "x": 1}).encode()
    )
    assert json.loads(line) == {"at": SENT_AT + 1, "event": "e", "level": "info", "x": 1}
