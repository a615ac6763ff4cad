"""Watches the whole service: health, the last hour, alerts. A thin shell over pure modules."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from manyeyes.config import AlertLimits
from manyeyes.contract import Heartbeat, HostFacts
from manyeyes.monitoring.alert_watch import AlertWatch
from manyeyes.monitoring.change_events import EventHub
from manyeyes.monitoring.engine_check import EngineCheck
from manyeyes.monitoring.health import Signs
from manyeyes.monitoring.heartbeat_news import HeartbeatNews
from manyeyes.monitoring.metrics import Levels, Metrics
from manyeyes.monitoring.recorder import PictureRecorder
from manyeyes.monitoring.sources import Sources
from manyeyes.monitoring.time_series import BUCKET_S
from manyeyes.version import VERSION


class Monitor:
    """One per master.

    Args:
        limits: when something needs a person.
        pack: the one in use, as `faces@1.0.0`.
    """

    def __init__(
        self,
        sources: Sources,
        engine: EngineCheck,
        recorder: PictureRecorder,
        limits: AlertLimits,
        events: EventHub,
        pack: str,
    ) -> None:
        self._sources = sources
        self._engine = engine
        self._disk_least_bytes = limits.disk_least_bytes
        self._events = events
        self._pack = pack
        self._began_at = self._ticked_at = time.monotonic()
        self._news = HeartbeatNews()
        self._alerts = AlertWatch(sources, limits, recorder.series)
        self.recorder = recorder

    @property
    def metrics(self) -> Metrics:
        """The figures that are counted."""
        return self.recorder.metrics

    # what happens

    def tick(self, now: float) -> None:
        """The master's clock ticks."""
        self._ticked_at = now
        self.recorder.series.levels(self._sources.dispatcher.waiting, self._sources.taking(), now)
        if self._alerts.tick(now):
            self._events.notify("alerts")

    def heard(self, node: str, heartbeat: Heartbeat, now: float) -> None:
        """A heartbeat arrived."""
        news = self._news.heard(node, heartbeat)
        if news.restarts:
            self.recorder.restarted(node, news.restarts, now)
        if news.other_pack:
            self._events.notify("packs")
        self.recorder.series.load(node, heartbeat.host.cpu_share, _memory_share(heartbeat.host), now)

    def node_changed(self, name: str, now: float) -> None:
        """A node went from one state to another."""
        self._alerts.node_changed(name, now)
        self._events.notify("nodes")

    def node_removed(self, name: str) -> None:
        """A node is no longer known."""
        self._alerts.forget(name)
        self._news.forget(name)
        self.recorder.series.forget(name)
        self._events.notify("nodes")

    # what is to be seen

    @property
    def ready(self) -> bool:
        """Whether a picture sent now would be worked on."""
        return self._sources.link.connected and self._sources.fleet.workers > 0

    def status(self) -> dict[str, Any]:
        """The whole in a few figures."""
        dispatcher, fleet = self._sources.dispatcher, self._sources.fleet
        return {
            "version": VERSION,
            "uptime_s": round(time.monotonic() - self._began_at, 1),
            "nodes": fleet.counts(),
            "workers": fleet.workers,
            "tasks": {
                "waiting": dispatcher.waiting,
                "running": dispatcher.running,
                "done": dispatcher.statistics.done,
                "failed": self.recorder.failures.total(),
            },
            "people": self._sources.gallery.read().people,
            "photos_to_embed": self._sources.embed_again.waiting,
            "pack": self._pack,
        }

    async def signs(self) -> Signs:
        """The signs of whether this master is alive and ready; asks nats-server at most twice a second."""
        now, sources = time.monotonic(), self._sources
        return Signs(
            ticked_ago_s=now - self._ticked_at,
            engine_runs=self._engine.runs,
            engine_answers=await self._engine.answers(),
            engine_words=self._engine.last_words(),
            ready_nodes=sources.taking(),
            nodes=len(sources.fleet.nodes),
            stopping=sources.dispatcher.closing,
            disk_free_bytes=sources.disk().free_bytes,
            disk_least_bytes=self._disk_least_bytes,
        )

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts, the worst first."""
        return self._alerts.alerts()

    def rates(self) -> dict[str, float]:
        """Pictures a second over the last minute, and how long the oldest waits."""
        now = time.monotonic()
        done, failed = self.recorder.series.rates(now)
        return {
            "done_per_s": round(done, 3),
            "failed_per_s": round(failed, 3),
            "oldest_waiting_s": round(self._sources.dispatcher.oldest_waiting_s(now), 3),
        }

    def failures(self) -> dict[str, int]:
        """How many pictures failed since the start, by the error's code, the most first."""
        return dict(self.recorder.failures.most_common())

    def history(self) -> dict[str, Any]:
        """The last hour of the whole."""
        now = time.monotonic()
        return {**self._span(now), **vars(self.recorder.series.whole(now))}

    def history_of(self, node: str) -> dict[str, Any]:
        """The last hour of one node."""
        now = time.monotonic()
        return {"node": node, **self._span(now), **vars(self.recorder.series.node(node, now))}

    def _span(self, now: float) -> dict[str, Any]:
        ended = datetime.now(UTC) - timedelta(seconds=self.recorder.series.filling_s(now))
        return {"bucket_s": BUCKET_S, "ends_at": ended.isoformat(timespec="milliseconds")}

    def exposition(self) -> bytes:
        """All figures as they are now, in Prometheus text form."""
        return self.metrics.exposition(self._levels(time.monotonic()))

    def _levels(self, now: float) -> Levels:
        sources, dispatcher = self._sources, self._sources.dispatcher
        gallery = sources.gallery.read()
        disk = sources.disk()
        return Levels(
            waiting=dispatcher.waiting,
            running=dispatcher.running,
            oldest_waiting_s=dispatcher.oldest_waiting_s(now),
            held_bytes=dispatcher.held_bytes,
            nodes=sources.fleet.counts(),
            workers=sources.fleet.workers,
            people=gallery.people,
            photos=gallery.photos,
            photos_to_embed=sources.embed_again.waiting,
            disk_free_bytes=disk.free_bytes,
            disk_bytes=disk.size_bytes,
            node_received_bytes=sources.link.received_bytes,
            node_sent_bytes=sources.link.sent_bytes,
            listeners=self._events.listeners,
            alerts=self._alerts.by_severity(),
        )


def _memory_share(host: HostFacts) -> float | None:
    memory_bytes = host.memory_limit_bytes or host.memory_bytes
    known = host.memory_used_bytes and memory_bytes
    return host.memory_used_bytes / memory_bytes if known else None
