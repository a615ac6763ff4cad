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
        self._counts: dict[str, tuple[int, int]] = {}
        """Pictures done and failed that are not written yet: a write may fail."""

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
        """Write what happened since the last record; what cannot be written is written with a later one.

        Raises:
            sqlite3.Error: the disk is full or failing.
        """
        self._record_left()
        for name, (done, failed) in self._dispatcher.statistics.take_by_node().items():
            before = self._counts.get(name, (0, 0))
            self._counts[name] = (before[0] + done, before[1] + failed)
        counts = self._counts
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
        self._counts = {}

    def _record_left(self) -> None:
        left = {view.name: view.reason for view in self._fleet.nodes.values() if view.state == "left"}
        names = set(left) | set(self._left)
        changed = {name: left.get(name, "") for name in names if left.get(name) != self._left.get(name)}
        if changed:
            self._nodes.record_left(changed)
            self._left = left
