"""Watches the whole service: health, the last hour, alerts. A thin shell over pure modules."""

from __future__ import annotations

import asyncio
import importlib.metadata
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from manyeyes.broker.engine import Engine
from manyeyes.broker.masterlink import MasterLink
from manyeyes.config import AlertLimits
from manyeyes.contract import Heartbeat
from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.fleet.node_state import TAKING, Fleet, NodeView
from manyeyes.monitoring.alerts import RECENT_S, Disk, Facts, NodeFacts, Noticed, find_alerts
from manyeyes.monitoring.change_events import EventHub
from manyeyes.monitoring.health import Signs
from manyeyes.monitoring.metrics import Levels, Metrics
from manyeyes.monitoring.recorder import PictureRecorder
from manyeyes.monitoring.time_series import BUCKET_S, Series
from manyeyes.store.registry import Registry, now_iso
from manyeyes.telemetry import log

VERSION = importlib.metadata.version("manyeyes")
_LOOK_EVERY_S = 2.0
_ASK_ENGINE_EVERY_S = 0.5
_ENGINE_ANSWER_S = 1.0
_MOST_RESTARTS = 1000
"""The most that one node may add from one heartbeat to the next."""


@dataclass(frozen=True)
class Sources:
    """The sources of what the monitor reads."""

    registry: Registry
    fleet: Fleet
    dispatcher: Callable[[], Dispatcher]
    engine: Engine
    link: MasterLink
    data: Path
    embedder: str
    gallery_version: Callable[[], int]
    photos_to_embed: Callable[[], int]
    cut_off: Callable[[str], str]
    """Why a node is banned now, else empty."""


@dataclass
class _Heard:
    """Of a node's last heartbeat."""

    session: str
    restarts: int
    pack: str


class Monitor:
    """One per master."""

    def __init__(self, sources: Sources, limits: AlertLimits, pack: str, events: EventHub) -> None:
        self._sources = sources
        self._limits = limits
        self._events = events
        now = time.monotonic()
        self._ticked_at = now
        self._looked_at = 0.0
        self._asking = asyncio.Lock()
        self._engine_answer = (float("-inf"), False)
        self._since: dict[str, float] = {}
        self._began_at = now
        self._heard: dict[str, _Heard] = {}
        self._counted: tuple[int, int, int] | None = None
        self._noticed = Noticed(now_iso)
        self.series = Series(now)
        self.metrics = Metrics(self._levels, {"version": VERSION, "pack": pack})
        self.recorder = PictureRecorder(self.metrics, self.series, events)

    # what happens

    def tick(self, now: float) -> None:
        """The master's clock ticks."""
        self._ticked_at = now
        fleet, dispatcher = self._sources.fleet, self._sources.dispatcher()
        self.series.levels(
            dispatcher.waiting, sum(view.state in TAKING for view in fleet.nodes.values()), now
        )
        if now - self._looked_at >= _LOOK_EVERY_S:
            self._looked_at = now
            if self._noticed.update(find_alerts(self._facts(now), self._limits)):
                self._events.notify("alerts")

    def heard(self, node: str, heartbeat: Heartbeat, now: float) -> None:
        """A heartbeat arrived."""
        restarts = sum(min(worker.restarts, _MOST_RESTARTS) for worker in heartbeat.workers)
        before = self._heard.get(node)
        if before is not None and before.session == heartbeat.session:
            new = restarts - before.restarts if restarts >= before.restarts else restarts
        else:
            new = restarts if before is not None else 0
        if 0 < new <= _MOST_RESTARTS:
            self.recorder.restarted(node, new, now)
        if before is None or before.pack != heartbeat.pack:
            self._events.notify("packs")
        self._heard[node] = _Heard(heartbeat.session, restarts, heartbeat.pack)

    def node_changed(self, name: str, now: float) -> None:
        """A node went from one state to another."""
        self._since[name] = now
        self._events.notify("nodes")

    def node_removed(self, name: str) -> None:
        """A node is no longer known."""
        self._since.pop(name, None)
        self._heard.pop(name, None)
        self.series.forget(name)
        self._events.notify("nodes")

    # what is to be seen

    async def signs(self) -> Signs:
        """The signs of whether this master is alive and ready; asks nats-server at most twice a second."""
        now, sources = time.monotonic(), self._sources
        runs = sources.engine.pid is not None
        answers = runs and await self._engine_answers()
        nodes = sources.fleet.nodes.values()
        return Signs(
            ticked_ago_s=now - self._ticked_at,
            engine_runs=runs,
            engine_answers=answers,
            engine_words="" if runs else sources.engine.last_words(),
            ready_nodes=sum(view.state in TAKING for view in nodes),
            nodes=len(nodes),
            stopping=sources.dispatcher().closing,
            disk_free_bytes=_disk(sources.data).free_bytes,
            disk_least_bytes=self._limits.disk_least_bytes,
        )

    async def _engine_answers(self) -> bool:
        async with self._asking:
            asked_at, answers = self._engine_answer
            if time.monotonic() - asked_at > _ASK_ENGINE_EVERY_S:
                answers = await self._sources.link.answers(_ENGINE_ANSWER_S)
                self._engine_answer = (time.monotonic(), answers)
            return answers

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts, the worst first."""
        return [vars(one) for one in self._noticed.alerts]

    def rates(self) -> dict[str, float]:
        """Pictures a second over the last minute, and how long the oldest waits."""
        now = time.monotonic()
        done, failed = self.series.rates(now)
        return {
            "done_per_s": round(done, 3),
            "failed_per_s": round(failed, 3),
            "oldest_waiting_s": round(self._sources.dispatcher().oldest_waiting_s(now), 3),
        }

    def history(self) -> dict[str, Any]:
        """The last hour of the whole."""
        now = time.monotonic()
        return {**self._span(now), **vars(self.series.whole(now))}

    def history_of(self, node: str) -> dict[str, Any]:
        """The last hour of one node."""
        now = time.monotonic()
        return {"node": node, **self._span(now), **vars(self.series.node(node, now))}

    def _span(self, now: float) -> dict[str, Any]:
        ended = datetime.now(UTC) - timedelta(seconds=self.series.filling_s(now))
        return {"bucket_s": BUCKET_S, "ends_at": ended.isoformat(timespec="milliseconds")}

    def _facts(self, now: float) -> Facts:
        sources, dispatcher = self._sources, self._sources.dispatcher()
        people, _ = self._gallery()
        return Facts(
            nodes=tuple(self._node(view, now) for view in sources.fleet.nodes.values()),
            engine_answers=sources.link.connected,
            disk=_disk(sources.data),
            waiting=dispatcher.waiting,
            oldest_waiting_s=dispatcher.oldest_waiting_s(now),
            people=people,
            photos_to_embed=sources.photos_to_embed(),
        )

    def _node(self, view: NodeView, now: float) -> NodeFacts:
        heartbeat = view.heartbeat
        return NodeFacts(
            name=view.name,
            state=view.state,
            reason=view.reason,
            unresponsive=bool(view.unresponsive),
            state_for_s=now - self._since.get(view.name, self._began_at),
            cut_off=self._sources.cut_off(view.name),
            pack_failures=heartbeat.pack_failures if heartbeat and view.state not in ("lost", "left") else 0,
            recent_counts=self.series.recent_counts(view.name, now, RECENT_S),
            disk=Disk(heartbeat.disk_free_bytes, heartbeat.disk_bytes)
            if heartbeat and heartbeat.disk_bytes
            else None,
        )

    def _gallery(self) -> tuple[int, int]:
        """(people, photos), counted again when the gallery changed."""
        version = self._sources.gallery_version()
        if self._counted is None or self._counted[0] != version:
            registry = self._sources.registry
            query = "SELECT COUNT(*) FROM photos WHERE embedder = ?"
            try:
                photos = registry.read(query, self._sources.embedder)
                self._counted = (version, registry.people_count, int(photos[0][0]))
            except sqlite3.Error as error:
                log().error("the people cannot be counted", error=str(error))
        return self._counted[1:] if self._counted else (0, 0)

    def _levels(self) -> Levels:
        now, sources, dispatcher = time.monotonic(), self._sources, self._sources.dispatcher()
        people, photos = self._gallery()
        disk = _disk(sources.data)
        return Levels(
            waiting=dispatcher.waiting,
            running=dispatcher.running,
            oldest_waiting_s=dispatcher.oldest_waiting_s(now),
            held_bytes=dispatcher.held_bytes,
            nodes=sources.fleet.counts(),
            workers=sources.fleet.workers,
            people=people,
            photos=photos,
            photos_to_embed=sources.photos_to_embed(),
            disk_free_bytes=disk.free_bytes,
            disk_bytes=disk.size_bytes,
            node_received_bytes=sources.link.received_bytes,
            node_sent_bytes=sources.link.sent_bytes,
            listeners=self._events.listeners,
            alerts=_by_severity(self._noticed.alerts),
        )


def _by_severity(alerts: Iterable[Any]) -> Mapping[str, int]:
    return Counter(one.severity for one in alerts)


def _disk(folder: Path) -> Disk:
    """How full a folder's disk is; one that cannot be reached has no room."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return Disk(0, 0)
    return Disk(usage.free, usage.total)
