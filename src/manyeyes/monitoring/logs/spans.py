"""The trace of a picture, built from its log lines. Pure.

The gateway's line says when which node had the picture; a node's line says how long each step took there. A node's
steps start when the gateway saw them start, so that no node's clock matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from manyeyes.store.logs_index import Line
from manyeyes.trace_events import (
    ACCEPTED_MS,
    ANSWER,
    ANSWERED_MS,
    ATTEMPT,
    ATTEMPTS,
    DISPATCHED_MS,
    ENDED_MS,
    PICTURE,
    QUEUE,
    STAGES_MS,
    STEPS,
    TAKE_IN,
    WORK,
)

_STEP_FIELDS = frozenset((*(name for name, _ in STEPS), STAGES_MS, "trace", "span"))
_PICTURE_FIELDS = (ACCEPTED_MS, ANSWERED_MS, ATTEMPTS, "trace", "span")


@dataclass(frozen=True)
class Span:
    """A part of a trace; `depth` 0 is a picture, deeper spans are parts of the nearest less deep one before."""

    name: str
    machine: str
    start_ms: float
    duration_ms: float
    depth: int
    facts: dict[str, Any] = field(default_factory=dict)


def may_read(lines: Sequence[Line], key_id: str) -> list[Line]:
    """The lines of a trace that the holder of a key may read: only of pictures that were sent with it."""
    pictures = [line for line in lines if _is_picture(line) and line.fields.get("by") == key_id and key_id]
    nodes = {
        (str(line.fields.get("span")), str(attempt.get("node")))
        for line in pictures
        for attempt in _attempts(line)
    }
    attempts = [
        line
        for line in lines
        if line.event == ATTEMPT
        and (str(line.fields.get("span")), line.machine) in nodes
        and line.role == "node"
    ]
    mine = {line.number for line in (*pictures, *attempts)}
    return [line for line in lines if line.number in mine]


def spans_of(lines: Sequence[Line]) -> list[Span]:
    """The spans of a trace in the order of a waterfall: each picture, then what it consists of."""
    pictures = [line for line in lines if _is_picture(line)]
    if not pictures:
        return _unfinished(lines)
    first = min(_began(line) for line in pictures)
    spans: list[Span] = []
    for line in sorted(pictures, key=_began):
        spans += _picture(line, (_began(line) - first) * 1000, lines)
    return spans


def _is_picture(line: Line) -> bool:
    """Whether a master logged it: a node may name a line as it likes."""
    return line.event == PICTURE and line.role == "master"


def _attempts(line: Line) -> list[dict[str, Any]]:
    found = line.fields.get(ATTEMPTS)
    return [attempt for attempt in found if isinstance(attempt, dict)] if isinstance(found, list) else []


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _began(line: Line) -> float:
    return line.at - _number(line.fields.get(ANSWERED_MS)) / 1000


def _picture(line: Line, start_ms: float, lines: Sequence[Line]) -> list[Span]:
    fields = line.fields
    answered = _number(fields.get(ANSWERED_MS))
    facts = {name: value for name, value in fields.items() if name not in _PICTURE_FIELDS}
    spans = [Span(PICTURE, line.machine, start_ms, answered, 0, facts)]

    def step(name: str, machine: str, from_ms: float, to_ms: float, **told: Any) -> None:
        spans.append(
            Span(name, machine, round(start_ms + from_ms, 2), round(max(0.0, to_ms - from_ms), 2), 1, told)
        )

    attempts = _attempts(line)
    free = fields.get(ACCEPTED_MS)
    if free is not None:
        step(TAKE_IN, line.machine, 0.0, _number(free))
    unused = [
        other for other in lines if other.event == ATTEMPT and other.fields.get("span") == fields.get("span")
    ]
    last = _number(free)
    for number, attempt in enumerate(attempts, start=1):
        sent, node, how = (
            _number(attempt.get(DISPATCHED_MS)),
            str(attempt.get("node")),
            str(attempt.get("how")),
        )
        ended = _number(attempt.get(ENDED_MS)) if attempt.get(ENDED_MS) is not None else answered
        if sent > last:
            step(QUEUE, line.machine, last, sent)
        step(ATTEMPT, node, sent, ended, number=number, how=how)
        told = next((o for o in unused if o.machine == node and o.fields.get("outcome") == how), None)
        if told is not None:
            unused.remove(told)
            spans += _steps(told, start_ms + sent)
        last = max(last, ended)
    if attempts:
        step(ANSWER, line.machine, last, answered)
    elif free is not None:
        step(QUEUE, line.machine, last, answered)
    return spans


def _steps(line: Line, start_ms: float) -> list[Span]:
    """The parts of one attempt, as its node reports them."""
    spans: list[Span] = []
    at_ms = start_ms
    for name, told in STEPS:
        if (duration := line.fields.get(name)) is None:
            continue
        facts = {n: v for n, v in line.fields.items() if n not in _STEP_FIELDS} if told == WORK else {}
        spans.append(Span(told, line.machine, round(at_ms, 2), _number(duration), 2, facts))
        if told == WORK:
            spans += _stages(line, at_ms)
        at_ms += _number(duration)
    return spans


def _stages(line: Line, start_ms: float) -> list[Span]:
    stages = line.fields.get(STAGES_MS)
    spans: list[Span] = []
    for name, duration in stages.items() if isinstance(stages, dict) else ():
        spans.append(Span(str(name), line.machine, round(start_ms, 2), _number(duration), 3))
        start_ms += _number(duration)
    return spans


def _unfinished(lines: Sequence[Line]) -> list[Span]:
    """There are only lines of nodes: the picture is still being worked on, or its gateway's line is gone."""
    attempts = [line for line in lines if line.event == ATTEMPT]
    if not attempts:
        return []
    lasted = {line.number: sum(_number(line.fields.get(name)) for name, _ in STEPS) for line in attempts}
    first = min(line.at - lasted[line.number] / 1000 for line in attempts)
    spans: list[Span] = []
    for line in attempts:
        start = round((line.at - lasted[line.number] / 1000 - first) * 1000, 2)
        how = line.fields.get("outcome", "")
        spans.append(Span(ATTEMPT, line.machine, start, round(lasted[line.number], 2), 1, {"how": how}))
        spans += _steps(line, start)
    return spans
