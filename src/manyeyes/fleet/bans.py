"""Cuts off who says too much: the engine hangs up on their key for a while, and lets them in again."""

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
    """One per master.

    Args:
        keep_out: has the engine refuse these and hang up on them, and nobody else.
    """

    def __init__(self, bans: Bans, keep_out: Callable[[frozenset[str]], None], events: NodeEvents) -> None:
        self._bans = bans
        self._keep_out = keep_out
        self._events = events
        self._out: frozenset[str] = frozenset()

    def cut_off(self, name: str, reason: str) -> None:
        """Cut a node, or the holders of a join token, off; nothing changes for one that is."""
        if name in self._out:
            return
        now = time.monotonic()
        ban = self._bans.cut_off(name, reason, now)
        log().warning("cut off", node=name, reason=reason, for_s=round(ban.until_s - now), times=ban.times)
        self._out = self._bans.names(now)
        self._keep_out(self._out)
        self._events.publish(CutOff(name))

    def tick(self, now: float) -> None:
        """Time passed: bans that are over end."""
        out = self._bans.names(now)
        for name in self._out - out:
            log().info("ban ended", node=name)
        if out != self._out:
            self._out = out
            self._keep_out(out)

    async def watch(
        self, link: ConnectionUsageLink, usage: ConnectionUsage, name_of: Callable[[str], str | None]
    ) -> None:
        """Ask the engine again and again, for ever, who sends how much; `name_of` tells whose a key is."""
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
        """Why and until when a node is cut off, None where it is not."""
        return self._bans.on(name, time.monotonic())

    def forget(self, name: str) -> None:
        """The node was removed; another one may have its name."""
        self._bans.forget(name)
        self._out -= {name}
