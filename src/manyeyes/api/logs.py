"""The logs of all machines, and one picture's trace through them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from manyeyes.api.model import Answer, Body, LogMoment

LogLevel = Literal["debug", "info", "warning", "error", "critical"]
MOST_LINES = 1000
"""In one answer."""


class LinesWanted(Body):
    """Which lines of the logs."""

    machine: str = Field("", max_length=64, description="A node's name, or `master`.")
    level: Literal["", LogLevel] = Field("", description="The lowest level to show.")
    text: str = Field("", max_length=200, description="Somewhere in the line, whatever its case.")
    trace: str = Field("", pattern="^(?:[0-9a-f]{32})?$", description="The picture that the lines are about.")
    since: str = Field(
        "",
        max_length=40,
        description="A moment by ISO 8601 or in Unix seconds, or how long ago: 10m, 2h, 1d.",
    )
    before: str = Field("", max_length=40, description="As `since`.")
    brief: bool = Field(
        False,
        description="One line a picture: attempts of nodes only if they crashed. Without meaning where `machine`, `text` or "
        "`trace` is given.",
    )


class PageWanted(LinesWanted):
    """Which lines, and where to begin."""

    limit: int = Field(200, ge=1, le=MOST_LINES, description="How many lines at most.")
    cursor: str = Field(
        "",
        pattern=r"^(?:[no]\d{1,18})?$",
        description="`newer` or `older` of an earlier answer; the other parameters must be the same.",
    )


class FollowWanted(LinesWanted):
    """Which lines, and how many of those that are there already."""

    limit: int = Field(50, ge=0, le=MOST_LINES, description="How many of the newest lines come first.")


class LogLine(Answer):
    """One line of a machine's log; `at` is UTC by the master's clock."""

    number: int
    """Its place in the master's index; later lines have larger ones."""
    at: LogMoment
    """When it happened, by the master's clock."""
    machine: str
    """A node's name, or `master`; `role` tells them apart where a node is called so."""
    role: Literal["master", "node"]
    """Of the machine."""
    level: LogLevel
    """How serious it is."""
    event: str
    """What happened."""
    trace_id: str = ""
    """Of the picture that it is about, if any."""
    fields: dict[str, Any] = Field(default_factory=dict)
    """What else the line says."""


class LogPage(Answer):
    """Lines, the newest last."""

    lines: tuple[LogLine, ...]
    """By the time of what they tell."""
    newer: str = ""
    """The cursor for what comes after these lines."""
    older: str = ""
    """The cursor for what comes before them; empty where nothing was found."""


class FollowedLine(Answer):
    """One line of the stream of log lines: a line, or a sign of life."""

    line: LogLine | None = None
    """A line of the logs."""
    alive: bool = False
    """Nothing happened, and the stream goes on."""


class Span(Answer):
    """A part of a picture's trace; `depth` 0 is a picture, deeper ones are parts of the last one less deep."""

    name: str
    """As `picture`, `queue`, `attempt`, `work`."""
    machine: str
    """A node's name, or `master`."""
    start_ms: float
    """Since the beginning of the trace."""
    duration_ms: float
    """How long it took."""
    depth: int
    """0 is a picture, deeper ones are its parts."""
    facts: dict[str, Any] = Field(default_factory=dict)
    """What else is known of it."""


class Trace(Answer):
    """One picture's trace: spans in the order of a waterfall, and the lines that they were made of."""

    trace_id: str
    """The one that was asked for."""
    spans: tuple[Span, ...]
    """Each is followed by its parts."""
    lines: tuple[LogLine, ...]
    """By the time of what they tell."""
