"""Brings unresponsive nodes back: when they answer, or grant credit again."""

from __future__ import annotations

from manyeyes.fleet.node_events import NodeEvents
from manyeyes.fleet.node_state import Fleet
from manyeyes.fleet.probes import Probes
from manyeyes.telemetry import log


class Recovery:
    """Marks unresponsive nodes as responsive. It does not use the dispatcher, so the dispatcher can call it."""

    def __init__(self, probes: Probes, fleet: Fleet, events: NodeEvents) -> None:
        self._probes = probes
        self._fleet = fleet
        self._events = events

    def answered(self, node: str, now: float) -> None:
        """A node answered a picture or a probe."""
        for instruction in self._probes.answered(node, now):
            self.bring_back(instruction.node, now)

    def bring_back(self, node: str, now: float) -> None:
        """Send a node pictures again."""
        log().info("an unresponsive node answers again", node=node)
        if change := self._fleet.responsive(node, now):
            self._events.publish(change)
