"""One attempt at a picture on this node: how long each step took, and its line in the log. Pure but for that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from manyeyes.contract import Outcome, Task
from manyeyes.telemetry import note
from manyeyes.telemetry.events import Level
from manyeyes.trace_events import ATTEMPT, DELIVERED_MS, FETCH_MS, STAGES_MS, WAITED_MS, WORKED_MS
from manyeyes.traces import read_traceparent


@dataclass
class Attempt:
    """What happened in one attempt so far. Times are seconds of one clock; the log line has milliseconds.

    Args:
        session: of the agent.
        asked_s: when the task arrived.
    """

    task: Task
    session: str
    asked_s: float
    fetched_s: float | None = None
    began_s: float | None = None
    worked_s: float | None = None
    over: bool = field(default=False)
    wanted: bool = True
    """Whether its outcome must be sent."""
    worker: int | None = None
    """The slot's index, once one has it."""
    trace_id: str = field(init=False, default="")
    """Of the picture; empty for a probe, which has none."""
    span_id: str = field(init=False, default="")
    stages_ms: dict[str, float] = field(default_factory=dict)
    """As the recogniser reports them."""

    def __post_init__(self) -> None:
        """Read the trace once."""
        self.trace_id, self.span_id = read_traceparent(self.task.traceparent) or ("", "")

    def end(self, outcome: Outcome, drawn_bytes: int, how: str, now: float) -> None:
        """Write the line, once.

        Args:
            how: whether the outcome reached the master.
        """
        if self.over or not self.trace_id:
            return
        self.over = True
        level: Level = "warning" if outcome.status == "crashed" else "info"
        note(ATTEMPT, level=level, **self.facts(outcome, drawn_bytes, how, now))

    def facts(self, outcome: Outcome, drawn_bytes: int, how: str, now: float) -> dict[str, Any]:
        """The fields of the line."""
        steps = (
            (FETCH_MS, self.asked_s, self.fetched_s),
            (WAITED_MS, self.fetched_s, self.began_s),
            (WORKED_MS, self.began_s, self.worked_s),
            (DELIVERED_MS, self.worked_s if self.worked_s is not None else self.fetched_s, now),
        )
        told = {
            "trace": self.trace_id,
            "span": self.span_id,
            "outcome": outcome.status,
            "code": outcome.code,
            "detail": outcome.detail[:300],
            "delivery": how,
            "worker": self.worker,
            "size_bytes": self.task.size_bytes,
            "drawn_bytes": drawn_bytes or None,
            **{
                name: round((end - begin) * 1000, 2)
                for name, begin, end in steps
                if begin is not None and end is not None
            },
            STAGES_MS: self.stages_ms or None,
        }
        return {name: value for name, value in told.items() if value not in ("", None)}
