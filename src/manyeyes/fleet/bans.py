"""Bans nodes that send too much: the engine closes their connections for a while, then accepts them again."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable

from manyeyes.broker.masterlink import ConnectionUsageLink
from manyeyes.fleet.node_events import CutOff, NodeEvents
from manyeyes.fleet.rate_limits import Ban, Bans, ConnectionUsage
from manyeyes.telemetry import log

USAGE_EVERY_S = 0.5


class BanEnforcer:
    """Bans senders that exceed their limits, and ends bans when their time is over.

    Args:
        keep_out: makes the engine refuse exactly these names and close their connections.
    """

    def __init__(self, bans: Bans, keep_out: Callable[[frozenset[str]], None], events: NodeEvents) -> None:
        self._bans = bans
        self._keep_out = keep_out
        self._events = events
        self._out: frozenset[str] = frozenset()

    def cut_off(self, name: str, reason: str) -> None:
        """Ban a node or the holders of a join token; nothing changes if it is banned already."""
        if name in self._out:
            return
        now = time.monotonic()
        ban = self._bans.cut_off(name, reason, now)
        log().warning("cut off", node=name, reason=reason, for_s=round(ban.until_s - now), times=ban.times)
        self._out = self._bans.names(now)
        self._keep_out(self._out)
        self._events.publish(CutOff(name))

    def tick(self, now: float) -> None:
        """End the bans whose time is over."""
        out = self._bans.names(now)
        for name in self._out - out:
            log().info("ban ended", node=name)
        if out != self._out:
            self._out = out
            self._keep_out(out)

    async def watch(
        self, link: ConnectionUsageLink, usage: ConnectionUsage, name_of: Callable[[str], str | None]
    ) -> None:
        """Check regularly how much each connection sends, until cancelled; `name_of` returns the name for a key."""
        while True:
            await asyncio.sleep(USAGE_EVERY_S)
            nodes: defaultdict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
            counts = await link.count()
            if counts is None:
                continue
            for counted in counts:
                if name := name_of(counted.public_nkey):
                    nodes[name][counted.connection] = (counted.messages, counted.size_bytes)
            usage.keep(set(nodes))
            now = time.monotonic()
            for name, connections in nodes.items():
                if wrong := usage.counted(name, connections, now):
                    self.cut_off(name, wrong)

    def of(self, name: str) -> Ban | None:
        """Why and until when a node is banned; None if it is not."""
        return self._bans.on(name, time.monotonic())

    def forget(self, name: str) -> None:
        """The node was removed; a new node may get its name."""
        self._bans.forget(name)
        self._out -= {name}
