"""Says that a node was refused: in the log, in what the master knows of the node, and to the node itself."""

from __future__ import annotations

import time

from manyeyes.broker.masterlink import MasterLink
from manyeyes.errors import ManyeyesError, VersionMismatch
from manyeyes.fleet.node_events import Listed, NodeEvents
from manyeyes.fleet.node_state import Fleet
from manyeyes.telemetry import log

LOGGED_EVERY_S = 10.0
"""Least seconds between two log lines that a node was refused."""


class Refusals:
    """Answers nodes that are not let in."""

    def __init__(self, fleet: Fleet, link: MasterLink, events: NodeEvents) -> None:
        self._fleet = fleet
        self._link = link
        self._events = events
        self._logged_at: dict[str, float] = {}

    def refuse(self, node: str, reply: str, what: str, error: ManyeyesError) -> None:
        """Refuse a node; `what` is what the log calls it."""
        now = time.monotonic()
        if now - self._logged_at.get(node, -LOGGED_EVERY_S) >= LOGGED_EVERY_S:
            self._logged_at[node] = now
            log().warning(what, node=node, error=error.detail)
        if isinstance(error, VersionMismatch):
            self._fleet.misfit(node, error.detail)
            self._events.publish(Listed())
        self._link.answer_error(reply, error)

    def forget(self, node: str) -> None:
        """The node is no more."""
        self._logged_at.pop(node, None)
