"""Draws a trace as a small waterfall chart for a terminal. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from manyeyes.api.logs import LogLine, Span
from manyeyes.log_sentences import last_line, sentence
from manyeyes.plain_text import harmless

BAR_CHARACTERS = 32
_UNTOLD = frozenset(("by", "parent", "operation", "number"))
"""Facts that are only for programs, and not shown."""


def waterfall(spans: Sequence[Span]) -> list[tuple[str, str, str, str, str]]:
    """(what, machine, milliseconds, bar, facts) of each span; the bars share one scale."""
    end_ms = max((span.start_ms + span.duration_ms for span in spans), default=0.0) or 1.0
    return [
        (
            f"{'  ' * span.depth}{span.name}",
            span.machine,
            f"{span.duration_ms:.1f}",
            bar(span.start_ms / end_ms, span.duration_ms / end_ms),
            facts(span.facts),
        )
        for span in spans
    ]


def bar(start: float, length: float) -> str:
    """A bar that begins at `start`; both arguments are fractions of the whole. A bar too short to be seen is a dot."""
    first = min(int(start * BAR_CHARACTERS), BAR_CHARACTERS - 1)
    filled = round(length * BAR_CHARACTERS)
    return (" " * first + ("█" * filled if filled else "·"))[:BAR_CHARACTERS]


def facts(told: dict[str, Any]) -> str:
    """Facts on one line, without those that are empty or only for programs."""
    return " ".join(
        f"{name}={_short(value)}"
        for name, value in told.items()
        if name not in _UNTOLD and value not in ("", None)
    )


def line_text(line: LogLine, *, local: bool = True) -> list[str]:
    """A log line as harmless lines for people; times are in this machine's time zone, or unchanged if not `local`."""
    at: datetime = line.at.astimezone() if local else line.at
    told = {name: value for name, value in line.fields.items() if name not in ("trace", "span", "by")}
    trace = f" trace={line.trace_id}" if line.trace_id else ""
    said = told.pop("exception", None) or told.pop("text", None)
    text = f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} {line.machine} {line.level} {line.event} {facts(told)}"
    body = str(said).rstrip().split("\n") if said else []
    return [harmless(text.rstrip() + trace), *(f"    {harmless(one)}" for one in body)]


def line_sentence(line: LogLine, *, local: bool = True) -> str:
    """A log line in one sentence; the level is named if it is a warning or more serious."""
    at: datetime = line.at.astimezone() if local else line.at
    level = f"{line.level}: " if line.level not in ("debug", "info") else ""
    said = sentence(line.event, line.fields, machine=line.machine)
    why = last_line(line.fields)
    return f"{at:%Y-%m-%d %H:%M:%S} {line.machine}  {level}{said}{f': {why}' if why else ''}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
