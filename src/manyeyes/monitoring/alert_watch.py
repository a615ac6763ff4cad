"""Looks every few seconds for what needs a person: a thin shell over `find_alerts`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from manyeyes.config import AlertLimits
from manyeyes.fleet.node_state import NodeView
from manyeyes.monitoring.alert_facts import CertificateFacts, Disk, Facts, NodeFacts
from manyeyes.monitoring.alerts import RECENT_S, Noticed, find_alerts
from manyeyes.monitoring.sources import Sources
from manyeyes.monitoring.time_series import Series
from manyeyes.store.timestamps import now_iso

_LOOK_EVERY_S = 2.0


class AlertWatch:
    """One per master."""

    def __init__(self, sources: Sources, limits: AlertLimits, series: Series) -> None:
        self._sources = sources
        self._limits = limits
        self._series = series
        self._noticed = Noticed(now_iso)
        self._looked_at = 0.0
        self._began_at = time.monotonic()
        self._since: dict[str, float] = {}
        """When each node last went from one state to another."""

    def tick(self, now: float) -> bool:
        """Look, if it is time to; whether there are other alerts now."""
        if now - self._looked_at < _LOOK_EVERY_S:
            return False
        self._looked_at = now
        return self._noticed.update(find_alerts(self._facts(now), self._limits))

    def node_changed(self, name: str, now: float) -> None:
        """A node went from one state to another."""
        self._since[name] = now

    def forget(self, name: str) -> None:
        """A node was removed."""
        self._since.pop(name, None)

    def alerts(self) -> list[dict[str, Any]]:
        """What needs a person, the worst first."""
        return [vars(one) for one in self._noticed.alerts]

    def by_severity(self) -> Mapping[str, int]:
        """How many alerts there are of each severity."""
        return Counter(one.severity for one in self._noticed.alerts)

    def _facts(self, now: float) -> Facts:
        sources, dispatcher = self._sources, self._sources.dispatcher
        return Facts(
            nodes=tuple(self._node(view, now) for view in sources.fleet.nodes.values()),
            engine_answers=sources.link.connected,
            disk=sources.disk(),
            waiting=dispatcher.waiting,
            oldest_waiting_s=dispatcher.oldest_waiting_s(now),
            people=sources.gallery.read().people,
            photos_to_embed=sources.embed_again.waiting,
            up_for_s=now - self._began_at,
            plain_http=sources.plain_http,
            certificate=self._certificate(),
        )

    def _certificate(self) -> CertificateFacts | None:
        own = self._sources.own_certificate
        if own is None:
            return None
        left_s = (own.loaded.expires_at - datetime.now(UTC)).total_seconds()
        return CertificateFacts(str(own.path), left_s, own.trouble)

    def _node(self, view: NodeView, now: float) -> NodeFacts:
        heartbeat = view.heartbeat
        return NodeFacts(
            name=view.name,
            state=view.state,
            reason=view.reason,
            unresponsive=bool(view.unresponsive),
            state_for_s=now - self._since.get(view.name, self._began_at),
            cut_off=self._sources.cut_off(view.name),
            version_mismatch=view.version_mismatch,
            pack_failures=heartbeat.pack_failures if heartbeat and view.state not in ("lost", "left") else 0,
            recent_counts=self._series.recent_counts(view.name, now, RECENT_S),
            disk=Disk(heartbeat.disk_free_bytes, heartbeat.disk_bytes)
            if heartbeat and heartbeat.disk_bytes
            else None,
        )
