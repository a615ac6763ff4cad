"""What a node's heartbeats tell of one after the other: workers that were replaced, another pack. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.contract import Heartbeat

MOST_RESTARTS = 1000
"""That are believed of one node from one heartbeat to the next."""


@dataclass(frozen=True)
class _Heard:
    session: str
    restarts: int
    pack: str


@dataclass(frozen=True)
class News:
    """What is new with a node since its heartbeat before."""

    restarts: int
    """Workers that were replaced."""
    other_pack: bool


class HeartbeatNews:
    """Remembers the last heartbeat of each node."""

    def __init__(self) -> None:
        self._heard: dict[str, _Heard] = {}

    def heard(self, node: str, heartbeat: Heartbeat) -> News:
        """A heartbeat arrived."""
        restarts = sum(min(worker.restarts, MOST_RESTARTS) for worker in heartbeat.workers)
        before = self._heard.get(node)
        if before is not None and before.session == heartbeat.session:
            new = restarts - before.restarts if restarts >= before.restarts else restarts
        else:
            new = restarts if before is not None else 0
        self._heard[node] = _Heard(heartbeat.session, restarts, heartbeat.pack)
        other_pack = before is None or before.pack != heartbeat.pack
        return News(new if new <= MOST_RESTARTS else 0, other_pack)

    def forget(self, node: str) -> None:
        """A node was removed."""
        self._heard.pop(node, None)
