"""The nodes as the API shows them: what the registry, the heartbeats and the desk know of each, put together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.fleet.bans import Cutoffs
from manyeyes.fleet.node_list import Entry, Wanted, choose
from manyeyes.fleet.node_service import NodesOffice
from manyeyes.fleet.node_state import Fleet
from manyeyes.store.registry import NodeRow, Registry


class NodeViews:
    """Of one master.

    Args:
        last_seen: when each node was heard of last, as far as it is not in the registry yet.
    """

    def __init__(
        self,
        registry: Registry,
        fleet: Fleet,
        nodes_office: NodesOffice,
        dispatcher: Dispatcher,
        cutoffs: Cutoffs,
        last_seen: Mapping[str, str],
    ) -> None:
        self._registry = registry
        self._fleet = fleet
        self._office = nodes_office
        self._dispatcher = dispatcher
        self._cutoffs = cutoffs
        self._last_seen = last_seen

    def all(self) -> list[dict[str, Any]]:
        """All nodes as the API shows them."""
        return [self._shown(row) for row in self._registry.nodes()]

    def some(self, wanted: Wanted) -> dict[str, Any]:
        """A page of the nodes as the API shows them; a thousand others cost little."""
        rows, counts = self._office.rows, self._registry.counts_of_nodes()
        chosen = choose((self._entry(row, *counts[name]) for name, row in rows.items()), wanted)
        shown = [self._shown(replace(rows[name], **counts[name]._asdict())) for name in chosen.names]
        return {"nodes": shown, "found": chosen.found, "states": chosen.states}

    def _entry(self, row: NodeRow, last_seen: str, done: int, failed: int) -> Entry:
        view, (done_since, failed_since) = (
            self._fleet.nodes[row.name],
            self._dispatcher.by_node.get(row.name, (0, 0)),
        )
        return Entry(
            name=row.name,
            state="cut off" if self._cutoffs.of(row.name) else view.state,
            reason=view.reason,
            workers=len(view.beat.workers) if view.beat else 0,
            pictures_per_s=len(view.beat.workers) / view.beat.picture_s
            if view.beat and view.beat.picture_s
            else 0.0,
            done=done + done_since,
            failed=failed + failed_since,
            last_seen=self._last_seen.get(row.name, last_seen),
            pack=view.beat.pack if view.beat else "",
            hostname=row.host.hostname,
        )

    def one(self, name: str) -> dict[str, Any]:
        """One node as the API shows it; raises NodeNotFound."""
        row = self._office.node(name)
        return {**self._shown(row), "same_host": self._office.same_host(row)}

    def _shown(self, row: NodeRow) -> dict[str, Any]:
        view = self._fleet.nodes[row.name]
        beat = view.beat
        ban = self._cutoffs.of(row.name)
        done, failed = self._dispatcher.by_node.get(row.name, (0, 0))
        return {
            "name": row.name,
            "state": "cut off" if ban else view.state,
            "reason": f"for {ban.until_s - time.monotonic():.0f} s more: {ban.reason}"
            if ban
            else view.reason,
            "workers": len(beat.workers) if beat else 0,
            "workers_detail": [worker.model_dump() for worker in beat.workers] if beat else [],
            "agent_rss_bytes": beat.agent_rss_bytes if beat else 0,
            "done": row.done + done,
            "failed": row.failed + failed,
            "first_seen": row.first_seen,
            "last_seen": self._last_seen.get(row.name, row.last_seen),
            "address": row.host.hostname,
            "host": (beat.host if beat else row.host).model_dump(),
            "pack": beat.pack if beat else "",
            "approved": row.approved,
            "wish": row.wish,
            "token": row.token_id,
            "fingerprint": row.fingerprint,
            "allow_exec": bool(beat and beat.allow_exec),
            "benchmark_s": beat.benchmark_s if beat else 0.0,
            "picture_s": beat.picture_s if beat else 0.0,
            "disk_free_bytes": beat.disk_free_bytes if beat else 0,
            "disk_bytes": beat.disk_bytes if beat else 0,
        }
