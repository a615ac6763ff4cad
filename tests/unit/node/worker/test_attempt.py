"""A node's lines: one for each attempt; sent when the line is free; what workers print among them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from manyeyes.broker.transfer import unframe
from manyeyes.contract import Outcome, Task
from manyeyes.node.log_shipping import ship_once
from manyeyes.node.worker import attempt as attempt_module
from manyeyes.node.worker import output
from manyeyes.node.worker.attempt import Attempt
from manyeyes.telemetry.batches import MAX_BATCH_BYTES, unpacked
from manyeyes.telemetry.queue import Waiting
from manyeyes.traces import Trace


def task(traceparent: str = Trace("a" * 32, "b" * 16).traceparent) -> Task:
    return Task(id="t", kind="recognize", pack="p", size_bytes=9, traceparent=traceparent)


def outcome(status: Any) -> Outcome:
    return Outcome(session="s", task_id="t", status=status)


def test_the_line_of_an_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(attempt_module, "note", lambda event, **facts: told.append((event, facts)))
    attempt = Attempt(task(), "s", 10.0, worker=1)
    assert attempt.trace_id == "a" * 32
    attempt.fetched_s, attempt.began_s, attempt.worked_s = 10.002, 10.003, 10.1
    attempt.stages_ms = {"decode": 1.5}
    for _ in range(2):
        attempt.end(outcome("done"), 77, "taken", 10.11)
    assert told == [
        (
            "attempt",
            {
                "level": "info", "trace": "a" * 32, "span": "b" * 16, "outcome": "done", "delivery": "taken", "worker": 1,
                "size_bytes": 9, "drawn_bytes": 77, "fetch_ms": 2.0, "waited_ms": 1.0, "worked_ms": 97.0,
                "delivered_ms": 10.0, "stages_ms": {"decode": 1.5},
            },
        )
    ]  # fmt: skip


def test_an_attempt_that_was_never_begun_and_a_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(attempt_module, "note", lambda event, **facts: told.append(facts))
    returned = Attempt(task(), "s", 1.0)
    returned.fetched_s = 1.5
    returned.end(outcome("returned"), 0, "taken", 2.0)
    Attempt(task(traceparent=""), "s", 1.0).end(outcome("done"), 0, "taken", 2.0)
    (facts,) = told
    assert facts["outcome"] == "returned" and facts["delivered_ms"] == 500.0 and "worked_ms" not in facts


class Link:
    def __init__(self) -> None:
        self.idle = False
        self.sent: list[tuple[str, bytes]] = []

    def tell(self, verb: str, gateway: str, *parts: bytes) -> bool:
        self.sent.append((f"{verb} to {gateway}", b"".join(parts)))
        return True


def test_nothing_is_sent_while_the_line_is_busy_and_all_of_it_later() -> None:
    link: Any = Link()
    waiting = Waiting(10 * MAX_BATCH_BYTES)
    lines = [b"%06d" % number + b"x" * 500 for number in range(400)]
    for line in lines:
        waiting.add(line)

    async def play() -> None:
        await ship_once(link, "lab-1", waiting)
        assert link.sent == []
        link.idle = True
        for _ in range(5):
            await ship_once(link, "lab-1", waiting)

    asyncio.run(play())
    assert [subject for subject, _ in link.sent] == ["log to any"] * 2
    assert [line for _, data in link.sent for line in unpacked(unframe(data)[1])] == lines


def test_what_a_worker_prints_is_one_line_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []

    class Log:
        def info(self, event: str, **facts: Any) -> None:
            told.append({"event": event, **facts})

    monkeypatch.setattr(output, "log", Log)

    async def play() -> None:
        stream = asyncio.StreamReader()
        hearing = asyncio.ensure_future(output.listen(stream, lambda: {"worker_pid": 7}))
        stream.feed_data(b"Traceback\n")
        await asyncio.sleep(0.02)
        stream.feed_data(b"  a line\nValueError\n")
        await asyncio.sleep(output._GATHER_S + 0.1)
        stream.feed_data(b"y" * (output.MAX_SAID_BYTES + 10))
        stream.feed_eof()
        await hearing

    asyncio.run(play())
    assert told[0] == {"event": "worker said", "text": "Traceback\n  a line\nValueError", "worker_pid": 7}
    assert len(told[1]["text"]) == output.MAX_SAID_BYTES and told[1]["left_out_bytes"] == 10
