"""Says that a node was refused: in the log, in what the master knows of the node, and to the node itself."""

from __future__ import annotations

import time

from manyeyes.broker.masterlink import MasterLink
from manyeyes.errors import IdentityInUse, VersionMismatch
from manyeyes.fleet.node_events import Listed, NodeEvents
from manyeyes.fleet.node_state import Fleet
from manyeyes.telemetry import log

LOGGED_EVERY_S = 10.0
"""Least seconds between two log lines that a node was refused."""
_OTHER_VERSION = "a node of another version"
_SECOND = "a second process claims a node's identity"


class Refusals:
    """Answers nodes that are not let in."""

    def __init__(self, fleet: Fleet, link: MasterLink, events: NodeEvents) -> None:
        self._fleet = fleet
        self._link = link
        self._events = events
        self._logged_at: dict[str, float] = {}

    def refuse(self, node: str, reply: str, error: VersionMismatch | IdentityInUse) -> None:
        """Refuse a node: a process of another version, or one that claims another's identity."""
        now, other_version = time.monotonic(), isinstance(error, VersionMismatch)
        if now - self._logged_at.get(node, -LOGGED_EVERY_S) >= LOGGED_EVERY_S:
            self._logged_at[node] = now
            log().warning(_OTHER_VERSION if other_version else _SECOND, node=node, error=error.detail)
        if other_version and self._fleet.version_mismatch(node, error.detail):
            self._events.publish(Listed())
        self._link.answer_error(reply, error)

    def forget(self, node: str) -> None:
        """The node is no more."""
        self._logged_at.pop(node, None)
