"""Tells metrics, the last hour and open pages what happens to pictures: one call for each event, microseconds each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from manyeyes.contract import Operation, Outcome
from manyeyes.errors import (
    EnrolmentError,
    ManyeyesError,
    PictureError,
    PictureKillsWorkers,
    from_code,
)
from manyeyes.master.events import EventHub
from manyeyes.master.metrics import Metrics
from manyeyes.master.series import Series


class Meter:
    """One per master."""

    def __init__(self, metrics: Metrics, series: Series, events: EventHub) -> None:
        self._metrics = metrics
        self._series = series
        self._events = events

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Count what is raised as a refusal of the picture."""
        try:
            yield
        except ManyeyesError as error:
            self._metrics.refused(error.code)
            raise

    def accepted(self, operation: Operation) -> None:
        """A picture was taken in."""
        self._metrics.accepted(operation)
        self._events.notify("pictures")

    def attempt_ended(self, node: str, outcome: Outcome) -> None:
        """A node ended an attempt, whatever became of the picture."""
        if _is_nodes_fault(outcome):
            self._metrics.at_fault()
            self._series.at_fault(node, time.monotonic())

    def never_queued(self, operation: Operation, error: BaseException) -> None:
        """A picture that was taken in could not be handed to the engine."""
        code = error.code if isinstance(error, ManyeyesError) else "task-lost"
        self._ended(operation, "", code, time.monotonic())

    def answered(
        self,
        operation: Operation,
        node: str,
        error: ManyeyesError | None,
        outcome: Outcome | None,
        accepted_at: float,
        claimed_at: float | None,
        worked_on_since: float | None,
    ) -> None:
        """A picture has its end.

        Args:
            node: who answered, or whose attempt was the last; may be empty.
            claimed_at: when the first node took it; None where none did.
            worked_on_since: when `node` took it.
        """
        now = time.monotonic()
        self._ended(operation, node, error.code if error else "", now)
        took = self._metrics.took
        took("whole", now - accepted_at)
        if claimed_at is not None:
            took("queue", claimed_at - accepted_at)
        if outcome is not None and outcome.result is not None:
            recognised_s = self._metrics.recognised(outcome.result.timings_ms)
            if worked_on_since is not None:
                took("transfer", max(0.0, now - worked_on_since - recognised_s))

    def _ended(self, operation: Operation, node: str, code: str, now: float) -> None:
        if code:
            self._metrics.failed(operation, code)
        else:
            self._metrics.done(operation)
        self._series.ended(node, not code, now)
        self._events.notify("pictures")

    def restarted(self, node: str, workers: int, now: float) -> None:
        """Workers of a node were replaced."""
        self._metrics.restarted(workers)
        self._series.restarted(node, workers, now)


def _is_nodes_fault(outcome: Outcome) -> bool:
    if outcome.kind == "error":
        error = from_code(outcome.code, "")
        return isinstance(error, PictureKillsWorkers) or not isinstance(error, PictureError | EnrolmentError)
    return outcome.kind == "crashed"
