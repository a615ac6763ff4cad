"""Knows all nodes and the state of each: pure decisions from heartbeats and the clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from manyeyes.contract import Heartbeat
from manyeyes.dispatch.placement import Pace

TAKING = ("ready", "working")
"""The states in which a node gets pictures."""


@dataclass
class NodeView:
    """One node as the master sees it; times in seconds of the master's monotonic clock."""

    name: str
    state: str = "joining"
    reason: str = "joined, not heard of yet"
    heartbeat: Heartbeat | None = None
    heard_at: float = 0.0
    unresponsive: str = ""
    """Why it gets no pictures although it reports that it takes them."""
    version_mismatch: str = ""
    """Why master and node do not understand each other; empty once a heartbeat was read."""


@dataclass(frozen=True)
class Change:
    """A node went from one state to another."""

    name: str
    old: str
    new: str
    reason: str


@dataclass
class Fleet:
    """All registered nodes.

    Args:
        suspect_s: silence after which a node is suspect.
        lost_s: silence after which a node is lost and its pictures go to others.
    """

    suspect_s: float
    lost_s: float
    nodes: dict[str, NodeView] = field(default_factory=dict)
    paces: dict[str, Pace] = field(default_factory=dict)
    """What each node can take now."""

    def register(
        self, name: str, *, state: str = "joining", reason: str = "joined, not heard of yet"
    ) -> None:
        """A node is known from now on."""
        self.nodes.setdefault(name, NodeView(name, state, reason))

    def heard(self, name: str, heartbeat: Heartbeat, now: float) -> Change | None:
        """A heartbeat arrived."""
        node = self.nodes.setdefault(name, NodeView(name))
        node.heartbeat, node.heard_at, node.version_mismatch = heartbeat, now, ""
        if node.unresponsive and heartbeat.state in TAKING:
            return self._move(node, "suspect", node.unresponsive)
        return self._move(node, heartbeat.state, heartbeat.reason)

    def unresponsive(self, name: str, reason: str) -> Change | None:
        """A node reports that it takes pictures but ends none: it is suspect until it answers."""
        node = self.nodes[name]
        node.unresponsive = reason
        return self._move(node, "suspect", reason) if node.state in TAKING else None

    def responsive(self, name: str, now: float) -> Change | None:
        """An unresponsive node has answered, or is no longer expected to answer."""
        node = self.nodes.get(name)
        if node is None:
            return None
        node.unresponsive = ""
        if node.heartbeat is None or node.state != "suspect" or now - node.heard_at > self.suspect_s:
            return None
        return self._move(node, node.heartbeat.state, node.heartbeat.reason)

    def version_mismatch(self, name: str, reason: str) -> bool:
        """A node of another version is there and cannot be let in: its state stays, and the reason says why.

        Returns whether this is news.
        """
        node = self.nodes.get(name)
        if node is None:
            return False
        before = node.version_mismatch, node.reason
        node.version_mismatch = reason
        if node.state in ("joining", "left", "lost"):
            node.reason = reason
        return before != (node.version_mismatch, node.reason)

    def left(self, name: str, reason: str = "") -> Change | None:
        """A node left."""
        node = self.nodes.get(name)
        return self._move(node, "left", reason or "said goodbye") if node else None

    def removed(self, name: str) -> None:
        """A node was removed."""
        self.nodes.pop(name, None)
        self.paces.pop(name, None)

    def tick(self, now: float) -> list[Change]:
        """Time passed: silent nodes become suspect, then lost."""
        changes = []
        for node in self.nodes.values():
            if node.state in ("joining", "left", "lost"):
                continue
            silence = now - node.heard_at
            if silence > self.lost_s:
                change = self._move(
                    node, "lost", node.version_mismatch or f"not heard of for {self.lost_s:.0f} s"
                )
            elif silence > self.suspect_s:
                change = self._move(node, "suspect", f"not heard of for {self.suspect_s:.0f} s")
            else:
                continue
            if change:
                changes.append(change)
        return changes

    def silent(self, now: float, for_s: float) -> list[str]:
        """The nodes that should be there and sent no heartbeat for this time."""
        return [
            node.name
            for node in self.nodes.values()
            if node.state not in ("joining", "left", "lost") and now - node.heard_at > for_s
        ]

    def slept(self, gap_s: float) -> None:
        """This master itself stood still for this time, so it does not count as silence of the nodes."""
        for node in self.nodes.values():
            node.heard_at += gap_s

    def counts(self) -> dict[str, int]:
        """Nodes by state."""
        counts: dict[str, int] = {}
        for node in self.nodes.values():
            counts[node.state] = counts.get(node.state, 0) + 1
        return counts

    @property
    def workers(self) -> int:
        """Workers of the nodes that take pictures."""
        return sum(
            len(node.heartbeat.workers)
            for node in self.nodes.values()
            if node.heartbeat and node.state in TAKING
        )

    def _move(self, node: NodeView, state: str, reason: str) -> Change | None:
        old, node.state, node.reason = node.state, state, reason
        heartbeat = node.heartbeat
        if heartbeat is not None:
            able = sum(worker.state in ("idle", "busy") for worker in heartbeat.workers)
            self.paces[node.name] = Pace(able, heartbeat.picture_s, state in TAKING)
        return Change(node.name, old, state, reason) if old != state else None
