"""Metrics of one master in Prometheus format; docs/reference/metrics.md says what each means.

Each master has a registry of its own. What happens often is counted when it happens, by counters whose labels are
looked up beforehand; what is known anyway is read when somebody asks.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from manyeyes.contract import NodeState
from manyeyes.face_results import RECOGNISER_STAGES, Operation

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STAGES = ("queue", "transfer", *RECOGNISER_STAGES, "other", "whole")
"""`other`: stages of a recogniser that is not ours."""
NODE_STATES = ("joining", *get_args(NodeState), "suspect", "lost", "left")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LONGEST_MS = 86_400_000.0


@dataclass(frozen=True)
class Levels:
    """Values that are read at each request; sizes in bytes."""

    waiting: int
    running: int
    oldest_waiting_s: float
    held_bytes: int
    nodes: Mapping[str, int]
    workers: int
    people: int
    photos: int
    photos_to_embed: int
    disk_free_bytes: int
    disk_bytes: int
    node_received_bytes: int
    node_sent_bytes: int
    listeners: int
    alerts: Mapping[str, int]
    """How many lines need a person, by severity."""


class _Plain(Collector):
    """Counters without the moment of their making, a series beside each that nobody reads."""

    def __init__(self, *metrics: Counter) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        for metric in self._metrics:
            for family in metric.collect():
                family.samples = [one for one in family.samples if not one.name.endswith("_created")]
                yield family


class _Times:
    """How often what took how long: one stage's histogram, counted in one thread and so without a lock."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_SECONDS) + 1)
        self._sum_s = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(_SECONDS, seconds)] += 1
        self._sum_s += seconds

    def add_to(self, family: HistogramMetricFamily, stage: str) -> None:
        bounds = [*map(str, _SECONDS), "+Inf"]
        so_far = map(float, accumulate(self._counts))
        family.add_metric([stage], list(zip(bounds, so_far, strict=True)), self._sum_s)


class _Stages(Collector):
    def __init__(self, stages: Mapping[str, _Times]) -> None:
        self._stages = stages

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(
            "manyeyes_stage_seconds", "Time of one picture in a stage.", labels=["stage"]
        )
        for name, times in self._stages.items():
            times.add_to(family, name)
        yield family


class _Read(Collector):
    def __init__(self, now: Levels) -> None:
        self._now = now

    def collect(self) -> Iterable[Metric]:
        now = self._now
        gauges = (
            ("manyeyes_pictures_waiting", "Pictures that no node works on yet.", now.waiting),
            ("manyeyes_pictures_running", "Pictures that a node works on.", now.running),
            ("manyeyes_oldest_waiting_picture_seconds", "Age of the oldest of those.", now.oldest_waiting_s),
            ("manyeyes_held_bytes", "Pictures in memory until they are answered.", now.held_bytes),
            ("manyeyes_workers", "Workers of the nodes that take pictures.", now.workers),
            ("manyeyes_gallery_people", "People enrolled.", now.people),
            ("manyeyes_gallery_photos", "Enrolled photos that faces are compared with.", now.photos),
            ("manyeyes_photos_to_embed", "Photos that wait to be embedded again.", now.photos_to_embed),
            ("manyeyes_disk_free_bytes", "Free on the data folder's disk.", now.disk_free_bytes),
            ("manyeyes_disk_size_bytes", "Size of the data folder's disk.", now.disk_bytes),
            ("manyeyes_event_listeners", "Listeners to /v1/events.", now.listeners),
        )
        for name, text, value in gauges:
            yield GaugeMetricFamily(name, text, value=value)
        nodes = GaugeMetricFamily("manyeyes_nodes", "Nodes by state.", labels=["state"])
        for state in NODE_STATES:
            nodes.add_metric([state], now.nodes.get(state, 0))
        yield nodes
        alerts = GaugeMetricFamily("manyeyes_alerts", "What needs a person.", labels=["severity"])
        for severity in ("critical", "warning", "info"):
            alerts.add_metric([severity], now.alerts.get(severity, 0))
        yield alerts
        received = "Payload of messages that nodes sent."
        yield CounterMetricFamily("manyeyes_node_received_bytes", received, value=now.node_received_bytes)
        sent = "Payload of messages to nodes and the engine."
        yield CounterMetricFamily("manyeyes_node_sent_bytes", sent, value=now.node_sent_bytes)


class _InTurn(Collector):
    """What several collectors give, one after the other."""

    def __init__(self, *collectors: Collector) -> None:
        self._collectors = collectors

    def collect(self) -> Iterable[Metric]:
        for collector in self._collectors:
            yield from collector.collect()


class Metrics:
    """One master's figures.

    Args:
        build: facts that stay, as the version.
    """

    def __init__(self, build: Mapping[str, str]) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"manyeyes_{name}", text, labels, registry=None)

        self._accepted = counter("pictures_accepted", "Pictures accepted.", "operation")
        self._done = counter("pictures_done", "Pictures answered with a result.", "operation")
        self._failed = counter("pictures_failed", "Pictures answered with an error.", "operation", "reason")
        self._refused = counter("pictures_refused", "Pictures not accepted.", "reason")
        self._at_fault = counter("attempts_failed", "Attempts that failed because of a node or its worker.")
        self._restarts = counter("worker_restarts", "Workers that were replaced on nodes.")
        self._received = counter("user_received_bytes", "Bodies of HTTP requests.")
        self._sent = counter("user_sent_bytes", "Bodies of HTTP answers, as sent.")
        self._accepted_of = {name: self._accepted.labels(name) for name in get_args(Operation)}
        self._done_of = {name: self._done.labels(name) for name in get_args(Operation)}
        self._stages = {name: _Times() for name in STAGES}
        self._process = CollectorRegistry()
        self._process.register(_Info(build))
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        GCCollector(registry=self._process)

    def exposition(self, now: Levels) -> bytes:
        """All figures in Prometheus text form."""
        counted = _Plain(
            self._accepted, self._done, self._failed, self._refused, self._at_fault, self._restarts,
            self._received, self._sent,
        )  # fmt: skip
        return generate_latest(_InTurn(counted, _Stages(self._stages), _Read(now), self._process))

    def accepted(self, operation: str) -> None:
        """A picture was accepted; it ends as exactly one of `done` and `failed`."""
        self._accepted_of[operation].inc()

    def done(self, operation: str) -> None:
        """A picture has its result."""
        self._done_of[operation].inc()

    def failed(self, operation: str, reason: str) -> None:
        """A picture has its error; `reason` is the code of an error class."""
        self._failed.labels(operation, reason).inc()

    def refused(self, reason: str) -> None:
        """A picture was not accepted; `reason` is the code of an error class."""
        self._refused.labels(reason).inc()

    def at_fault(self) -> None:
        """An attempt failed for which the node, not the picture, is to blame."""
        self._at_fault.inc()

    def restarted(self, workers: int) -> None:
        """Workers were replaced."""
        self._restarts.inc(workers)

    def received(self, size_bytes: int) -> None:
        """A part of a request's body came in."""
        self._received.inc(size_bytes)

    def sent(self, size_bytes: int) -> None:
        """A part of an answer's body went out."""
        self._sent.inc(size_bytes)

    def took(self, stage: str, seconds: float) -> None:
        """How long one picture was in one of `STAGES`."""
        self._stages[stage].observe(seconds)

    def recognised(self, timings_ms: Mapping[str, float]) -> float:
        """Stages as a node reports them; unknown or impossible values are left out.

        Returns:
            The seconds of all together.
        """
        seconds, other_s, others = 0.0, 0.0, False
        for stage, stage_ms in timings_ms.items():
            if not (math.isfinite(stage_ms) and 0 <= stage_ms <= _LONGEST_MS):
                continue
            seconds += stage_ms / 1000
            if stage in RECOGNISER_STAGES:
                self._stages[stage].observe(stage_ms / 1000)
            else:
                other_s, others = other_s + stage_ms / 1000, True
        if others:
            self._stages["other"].observe(other_s)
        return seconds


class _Info(Collector):
    def __init__(self, build: Mapping[str, str]) -> None:
        self._build = dict(build)

    def collect(self) -> Iterable[Metric]:
        yield InfoMetricFamily("manyeyes_build", "Version and pack in use.", value=self._build)
