"""One picture's trace through a gateway: what happened when. Pure, by the clock it is given; `following` writes it.

Times are seconds of the master's monotonic clock; what comes of them is milliseconds since the picture's beginning.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from manyeyes.error_codes import from_code
from manyeyes.errors import ManyeyesError
from manyeyes.telemetry import log, note
from manyeyes.telemetry.events import LEVELS, Level
from manyeyes.trace_events import (
    ACCEPTED_MS,
    ANSWERED_MS,
    ATTEMPTS,
    DISPATCHED_MS,
    DONE,
    ENDED_MS,
    NOT_NEEDED,
    PICTURE,
    SENDER_LEFT,
)
from manyeyes.traces import Trace, new_trace

_MAX_ATTEMPTS_TOLD = 16


@dataclass(frozen=True)
class Sender:
    """Who sent a picture: the name of the API key, and an id that distinguishes keys of the same name."""

    name: str = ""
    key_id: str = ""


@dataclass
class AttemptSeen:
    """One node's attempt as the gateway sees it."""

    node: str
    dispatched_s: float
    ended_s: float | None = None
    how: str = ""
    """The status of its outcome, or why there is none."""


@dataclass
class PictureTrace:
    """What happened to one picture so far; filled where it happens."""

    began_s: float
    trace: Trace = field(default_factory=new_trace)
    operation: str = "recognize"
    sender: Sender = field(default_factory=Sender)
    size_bytes: int = 0
    media_type: str = ""
    draw: bool = False
    accepted_s: float | None = None
    answered_s: float | None = None
    attempts: list[AttemptSeen] = field(default_factory=list)
    outcome: str = ""
    """`done`, or the error's code; empty while it is open."""
    detail: str = ""
    faces: int | None = None
    answered_as: str = ""
    """The trace of the work, if the picture was sent again with the same idempotency key; else empty."""

    @property
    def first_dispatched_s(self) -> float | None:
        """When it was first sent to a node."""
        return self.attempts[0].dispatched_s if self.attempts else None

    def last_dispatched_s(self, node: str) -> float | None:
        """When it was sent to that node, the last time."""
        return next(
            (attempt.dispatched_s for attempt in reversed(self.attempts) if attempt.node == node), None
        )

    def accepted(self, size_bytes: int, media_type: str, now: float) -> None:
        """The picture was accepted."""
        self.size_bytes, self.media_type, self.accepted_s = size_bytes, media_type, now

    def dispatched(self, node: str, now: float) -> None:
        """It was sent to a node."""
        self.attempts.append(AttemptSeen(node, now))

    def ended(self, node: str, how: str, now: float) -> None:
        """The node's attempt ended."""
        for attempt in reversed(self.attempts):
            if attempt.node == node and attempt.ended_s is None:
                attempt.ended_s, attempt.how = now, how
                return

    def finished(self, outcome: str, now: float, *, detail: str = "") -> None:
        """It ended, and so do the attempts that still went on; the first end counts."""
        if self.outcome:
            return
        self.outcome, self.detail, self.answered_s = outcome, detail, now
        for attempt in self.attempts:
            if attempt.ended_s is None:
                attempt.ended_s, attempt.how = now, NOT_NEEDED

    def facts(self) -> dict[str, Any]:
        """The fields of the picture's line."""
        ms = self._ms
        told = {
            "trace": self.trace.trace_id,
            "span": self.trace.span_id,
            "parent": self.trace.parent_id,
            "operation": self.operation,
            "who": self.sender.name,
            "by": self.sender.key_id,
            "outcome": self.outcome,
            "detail": self.detail,
            "size_bytes": self.size_bytes,
            "media_type": self.media_type,
            "faces": self.faces,
            ACCEPTED_MS: ms(self.accepted_s),
            ANSWERED_MS: ms(self.answered_s),
            ATTEMPTS: [
                {"node": a.node, DISPATCHED_MS: ms(a.dispatched_s), ENDED_MS: ms(a.ended_s), "how": a.how}
                for a in self.attempts[-_MAX_ATTEMPTS_TOLD:]
            ],
            "answered_as": self.answered_as,
        }
        return {name: value for name, value in told.items() if value not in ("", None)}

    def _ms(self, moment_s: float | None) -> float | None:
        return None if moment_s is None else round((moment_s - self.began_s) * 1000, 2)


@contextmanager
def following(trace: PictureTrace) -> Iterator[PictureTrace]:
    """Write the picture's line when it has ended, however, and was answered; an error that leaves names the trace."""
    try:
        yield trace
        trace.finished(DONE, time.monotonic())
    except ManyeyesError as error:
        trace.finished(error.code, time.monotonic(), detail=error.detail[:300] if trace.accepted_s else "")
        error.trace_id = trace.answered_as or trace.trace.trace_id
        raise
    except BaseException as error:
        trace.finished(SENDER_LEFT if _is_leaving(error) else "internal", time.monotonic())
        raise
    finally:
        asyncio.get_running_loop().call_soon(_write, trace)


def _write(trace: PictureTrace) -> None:
    """A line for each; what failed after it was accepted is logged to standard error too."""
    level = level_of(trace.outcome)
    if trace.outcome == DONE or not trace.attempts:
        note(PICTURE, level=level, **trace.facts())
    else:
        log().log(LEVELS[level], PICTURE, **trace.facts())


def level_of(outcome: str) -> Level:
    """How serious it is for who sent the picture: a failure is a warning, unless the same picture may be sent again."""
    if outcome in (DONE, SENDER_LEFT):
        return "info"
    if outcome == ManyeyesError.code:
        return "error"
    return "info" if from_code(outcome, "").retryable else "warning"


def _is_leaving(error: BaseException) -> bool:
    return not isinstance(error, Exception)
