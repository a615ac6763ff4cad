"""Records what happens to pictures in metrics, the last hour and change events: one call for each event, microseconds each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from manyeyes.dispatch.trace import PictureTrace
from manyeyes.errors import (
    EnrolmentError,
    ManyeyesError,
    PictureError,
    PictureKillsWorkers,
)
from manyeyes.face_results import FaceOutcome
from manyeyes.monitoring.change_events import EventHub
from manyeyes.monitoring.metrics import Metrics
from manyeyes.monitoring.time_series import Series


class PictureRecorder:
    """One per master."""

    def __init__(self, metrics: Metrics, series: Series, events: EventHub) -> None:
        self.metrics = metrics
        self.series = series
        self._events = events
        self.failures: Counter[str] = Counter()
        """Pictures since the start that were refused as they are, or ended with an error, by its code."""

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Count what is raised as a refusal of the picture."""
        try:
            yield
        except ManyeyesError as error:
            self.refused(error)
            raise

    def refused(self, error: ManyeyesError) -> None:
        """A picture was not accepted; one that may be sent again as it is has not failed."""
        self.metrics.refused(error.code)
        if isinstance(error, PictureError):
            self.failures[error.code] += 1

    def accepted(self, kind: str) -> None:
        """A picture was accepted."""
        self.metrics.accepted(kind)
        self._events.notify("pictures")

    def attempt_ended(self, node: str, status: str, error: ManyeyesError | None) -> None:
        """A node ended an attempt, whatever became of the picture."""
        if status == "crashed" or (error is not None and _is_nodes_fault(error)):
            self.metrics.at_fault()
            self.series.at_fault(node, time.monotonic())

    def answered(
        self, kind: str, node: str, error: ManyeyesError | None, content: Any, trace: PictureTrace, now: float
    ) -> None:
        """A picture was answered. Args: node: who answered, or whose attempt was the last; may be empty.
        content: what the outcome was read as.
        """
        accepted_at = trace.accepted_s if trace.accepted_s is not None else trace.began_s
        self._ended(kind, node, error.code if error else "", now, now - accepted_at)
        took = self.metrics.took
        took("whole", now - accepted_at)
        if trace.first_dispatched_s is not None:
            took("queue", trace.first_dispatched_s - accepted_at)
        if isinstance(content, FaceOutcome) and content.result is not None:
            recognised_s = self.metrics.recognised(content.result.timings_ms)
            began_at = trace.last_dispatched_s(node)
            if began_at is not None:
                took("transfer", max(0.0, now - began_at - recognised_s))

    def _ended(self, kind: str, node: str, code: str, now: float, took_s: float) -> None:
        if code:
            self.metrics.failed(kind, code)
            self.failures[code] += 1
        else:
            self.metrics.done(kind)
        self.series.ended(node, not code, now, took_s)
        self._events.notify("pictures")

    def restarted(self, node: str, workers: int, now: float) -> None:
        """Workers of a node were replaced."""
        self.metrics.restarted(workers)
        self.series.restarted(node, workers, now)


def _is_nodes_fault(error: ManyeyesError) -> bool:
    return isinstance(error, PictureKillsWorkers) or not isinstance(error, PictureError | EnrolmentError)
