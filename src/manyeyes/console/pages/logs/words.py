"""The texts of a log line and of a span of a trace: pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from manyeyes.api.logs import LogLine, Span, Trace
from manyeyes.console.wording import count, exact
from manyeyes.log_sentences import BODIES, sentence
from manyeyes.trace_events import (
    ANSWER,
    ATTEMPT,
    DELIVER,
    DONE,
    FETCH,
    NOT_NEEDED,
    PICTURE,
    QUEUE,
    TAKE_IN,
    WAIT,
    WORK,
)

Row = dict[str, Any]
Facts = list[tuple[str, str]]
TONES = {"debug": "soft", "info": "soft", "warning": "warn", "error": "bad", "critical": "bad"}
MEANINGS = {
    PICTURE: "from its first byte to the answer",
    TAKE_IN: "the gateway reads and checks it",
    QUEUE: "it waits for a node that is free",
    ATTEMPT: "a node has it",
    FETCH: "the node gets its bytes",
    WAIT: "it waits for a worker of the node",
    WORK: "a worker recognises it",
    DELIVER: "the node hands over the result",
    ANSWER: "the gateway answers",
}
_UNTOLD = frozenset(("trace", "span", "by", "parent"))
"""Ids that are for programs."""
_GLANCE_CHARACTERS = 160
_as_json = json.JSONEncoder(ensure_ascii=False, default=str).encode
_FACT_CHARACTERS = 4000


def row(line: LogLine) -> Row:
    """A line as the table shows it."""
    told = {name: value for name, value in line.fields.items() if name not in _UNTOLD}
    body = "\n".join(str(told.pop(name)) for name in BODIES if told.get(name))
    return {
        "number": line.number,
        "at": line.at.timestamp() * 1000,
        "exact": exact(line.at),
        "machine": line.machine,
        "level": line.level,
        "tone": TONES[line.level],
        "event": line.event,
        "said": sentence(line.event, line.fields, machine=line.machine),
        "trace": line.trace_id,
        "facts": [(name, _cut(_plain(value), _FACT_CHARACTERS)) for name, value in told.items()],
        "body": _cut(body, _FACT_CHARACTERS),
    }


def glance(facts: dict[str, Any], *, but: str = "") -> str:
    """The most telling facts on one line: short ones, in their order, but the machine that says it."""
    said = ""
    for name, value in facts.items():
        if value in ("", None, but) or isinstance(value, dict | list):
            continue
        more = f"{said}  {name}={_plain(value)}".strip()
        if len(more) > _GLANCE_CHARACTERS and said:
            break
        said = more
    return _cut(said, _GLANCE_CHARACTERS)


def bars(spans: Sequence[Span]) -> list[Row]:
    """The spans as a waterfall; all bars share one scale."""
    end_ms = max((span.start_ms + span.duration_ms for span in spans), default=0.0) or 1.0
    return [
        {
            "name": span.name,
            "meaning": MEANINGS.get(span.name, ""),
            "machine": span.machine,
            "start": f"{span.start_ms:,.1f}",
            "took": f"{span.duration_ms:,.1f}",
            "left": round(100 * span.start_ms / end_ms, 2),
            "width": round(100 * span.duration_ms / end_ms, 2),
            "depth": span.depth,
            "facts": glance(span.facts, but=span.machine) if span.depth else "",
            "failed": str(span.facts.get("how", DONE)) not in (DONE, NOT_NEEDED),
        }
        for span in spans
    ]


def sums(trace: Trace) -> dict[str, str]:
    """The facts of a trace, of its first picture where there are several."""
    pictures = [span for span in trace.spans if span.name == PICTURE]
    told = pictures[0].facts if pictures else {}
    attempts = [span for span in trace.spans if span.name == ATTEMPT]
    began = min((line.at for line in trace.lines), default=None)
    facts = {
        "Outcome": _outcome(told) if pictures else "still being worked on, or its master's line is gone",
        "Asked by": str(told.get("who", "–")),
        "For": str(told.get("operation", "–")),
        "Picture": _picture(told),
        "Faces": str(told.get("faces", "–")),
        "Took": f"{pictures[0].duration_ms:,.1f} ms" if pictures else "–",
        "Attempts": count(len(attempts)),
        "Nodes": ", ".join(dict.fromkeys(span.machine for span in attempts)) or "none",
        "When": exact(began),
    }
    if told.get("answered_as"):
        facts["Same picture as"] = str(told["answered_as"])
    if len(pictures) > 1:
        facts["Pictures"] = f"{count(len(pictures))} in this trace; the facts are of the first"
    return facts


def finished(trace: Trace) -> bool:
    """Whether the gateway has told how it ended."""
    return any(span.name == PICTURE and span.facts.get("outcome") for span in trace.spans)


def _outcome(told: dict[str, Any]) -> str:
    outcome = str(told.get("outcome", "–"))
    return f"{outcome}: {told['detail']}" if told.get("detail") else outcome


def _picture(told: dict[str, Any]) -> str:
    size = f"{told['size_bytes']:,} bytes" if isinstance(told.get("size_bytes"), int) else ""
    return ", ".join(part for part in (str(told.get("media_type", "")), size) if part) or "–"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else _as_json(value)


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[: characters - 1]}…"
