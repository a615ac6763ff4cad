"""Records when each node last sent a heartbeat, how many pictures it ended and whether it left, every few seconds."""

from __future__ import annotations

from collections.abc import Mapping

from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.fleet.node_state import Fleet
from manyeyes.store.nodes import NodeRepository
from manyeyes.store.timestamps import now_iso


class NodeActivity:
    """Counts the activity of all nodes and writes it to the store."""

    def __init__(self, nodes: NodeRepository, dispatcher: Dispatcher, fleet: Fleet) -> None:
        self._nodes = nodes
        self._dispatcher = dispatcher
        self._fleet = fleet
        self._left = {row.name: row.left_reason for row in nodes.all() if row.left_reason}
        """What is written of nodes that left."""
        self._last_seen: dict[str, str] = {}

    @property
    def last_seen(self) -> Mapping[str, str]:
        """When each node last sent a heartbeat since this master started; ISO 8601, UTC."""
        return self._last_seen

    def heard(self, node: str) -> None:
        """A node's heartbeat arrived just now."""
        self._last_seen[node] = now_iso()

    def forget(self, node: str) -> None:
        """A node was removed."""
        self._last_seen.pop(node, None)

    def record(self) -> None:
        """Write what happened since the last record."""
        self._record_left()
        counts = self._dispatcher.statistics.take_by_node()
        names = set(self._last_seen) | set(counts)
        if not names:
            return
        known = {name: counts.last_seen for name, counts in self._nodes.counts().items()}
        self._nodes.record_seen(
            {
                name: (self._last_seen.get(name, known[name]), *counts.get(name, (0, 0)))
                for name in names
                if name in known
            }
        )

    def _record_left(self) -> None:
        left = {view.name: view.reason for view in self._fleet.nodes.values() if view.state == "left"}
        names = set(left) | set(self._left)
        changed = {name: left.get(name, "") for name in names if left.get(name) != self._left.get(name)}
        if changed:
            self._nodes.record_left(changed)
            self._left = left
