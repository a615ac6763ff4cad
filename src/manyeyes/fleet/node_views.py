"""The nodes as the API shows them: what the store, the heartbeats and the dispatcher know of each, put together."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Any

from manyeyes.contract import Heartbeat
from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.fleet.bans import BanEnforcer
from manyeyes.fleet.node_activity import NodeActivity
from manyeyes.fleet.node_list import Entry, Wanted, choose
from manyeyes.fleet.node_service import NodeService
from manyeyes.fleet.node_state import Fleet
from manyeyes.store.nodes import NodeCounts, NodeRepository, NodeRow


class NodeViews:
    """Builds the nodes that the API returns from the store, the heartbeats and the dispatcher.

    Args:
        activity: the activity that is not in the store yet.
    """

    def __init__(
        self,
        nodes: NodeRepository,
        fleet: Fleet,
        node_service: NodeService,
        dispatcher: Dispatcher,
        enforcer: BanEnforcer,
        activity: NodeActivity,
    ) -> None:
        self._nodes = nodes
        self._fleet = fleet
        self._service = node_service
        self._dispatcher = dispatcher
        self._enforcer = enforcer
        self._last_seen = activity.last_seen

    def all(self) -> list[dict[str, Any]]:
        """All nodes as the API shows them."""
        return [self._shown(row) for row in self._nodes.all()]

    def some(self, wanted: Wanted) -> dict[str, Any]:
        """A page of the nodes as the API shows them; nodes on other pages cost little."""
        rows, counts = self._service.rows, self._nodes.counts()
        chosen = choose((self._entry(row, counts[name]) for name, row in rows.items()), wanted)
        shown = [self._shown(replace(rows[name], **asdict(counts[name]))) for name in chosen.names]
        return {"nodes": shown, "found": chosen.found, "states": chosen.states}

    def _entry(self, row: NodeRow, counts: NodeCounts) -> Entry:
        view, (done_since, failed_since) = (
            self._fleet.nodes[row.name],
            self._dispatcher.statistics.by_node.get(row.name, (0, 0)),
        )
        return Entry(
            name=row.name,
            state="cut off" if self._enforcer.of(row.name) else view.state,
            reason=with_what_waits(view.reason, view.state, row.desired),
            workers=len(view.heartbeat.workers) if view.heartbeat else 0,
            pictures_per_s=_pictures_per_s(view.heartbeat),
            done=counts.done + done_since,
            failed=counts.failed + failed_since,
            last_seen=self._last_seen.get(row.name, counts.last_seen),
            pack=view.heartbeat.pack if view.heartbeat else "",
            hostname=row.host.hostname,
        )

    def has(self, name: str) -> bool:
        """Whether there is a node of that name."""
        return name in self._service.rows

    def one(self, name: str) -> dict[str, Any]:
        """One node as the API shows it; raises NodeNotFound."""
        row = self._service.node(name)
        return {**self._shown(row), "same_host": self._service.same_host(row)}

    def _shown(self, row: NodeRow) -> dict[str, Any]:
        view = self._fleet.nodes[row.name]
        heartbeat = view.heartbeat
        ban = self._enforcer.of(row.name)
        done, failed = self._dispatcher.statistics.by_node.get(row.name, (0, 0))
        return {
            "name": row.name,
            "state": "cut off" if ban else view.state,
            "reason": f"for {ban.until_s - time.monotonic():.0f} s more: {ban.reason}"
            if ban
            else with_what_waits(view.reason, view.state, row.desired),
            "workers": len(heartbeat.workers) if heartbeat else 0,
            "workers_detail": [worker.model_dump() for worker in heartbeat.workers] if heartbeat else [],
            "agent_rss_bytes": heartbeat.agent_rss_bytes if heartbeat else 0,
            "done": row.done + done,
            "failed": row.failed + failed,
            "first_seen": row.first_seen,
            "last_seen": self._last_seen.get(row.name, row.last_seen),
            "address": row.host.hostname,
            "host": (heartbeat.host if heartbeat else row.host).model_dump(),
            "pack": heartbeat.pack if heartbeat else "",
            "approved": row.approved,
            "desired": row.desired,
            "token": row.token_id,
            "version": row.release,
            "ephemeral": row.ephemeral,
            "fingerprint": row.fingerprint,
            "allow_exec": bool(heartbeat and heartbeat.allow_exec),
            "benchmark_s": heartbeat.benchmark_s if heartbeat else 0.0,
            "picture_s": heartbeat.picture_s if heartbeat else 0.0,
            "disk_free_bytes": heartbeat.disk_free_bytes if heartbeat else 0,
            "disk_bytes": heartbeat.disk_bytes if heartbeat else 0,
        }


def with_what_waits(reason: str, state: str, desired: str) -> str:
    """The reason of a node's state, and what it was told while it was away: it follows when it is back."""
    if state not in ("lost", "left", "joining") or not desired:
        return reason
    waits = f"it {'pauses' if desired == 'pause' else 'drains'} when it is back"
    return f"{reason}; {waits}" if reason else waits


def _pictures_per_s(heartbeat: Heartbeat | None) -> float:
    """As `Node.pictures_per_s`."""
    speed_s = (heartbeat.benchmark_s or heartbeat.picture_s) if heartbeat else 0.0
    return len(heartbeat.workers) / speed_s if heartbeat and speed_s else 0.0
