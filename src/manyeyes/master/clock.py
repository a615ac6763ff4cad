"""The master's clock: twice a second it checks the nodes and does what is due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.fleet.node_activity import NodeActivity
from manyeyes.fleet.node_events import NodeEvents
from manyeyes.fleet.node_state import Fleet
from manyeyes.fleet.probing import Probing
from manyeyes.master.registry_writes import RegistryWrites
from manyeyes.master.schedule import TICK_S, Schedule
from manyeyes.master.state_broadcast import StateBroadcaster
from manyeyes.telemetry import log

REBALANCE_S = 0.1
_NOTED_S = 4.0
"""A master that stood still for longer warns of it: nodes would be suspect by then."""
SILENT_S = 2.0
"""A node that sent no heartbeat for this long may be gone: longer than between two heartbeats."""


class Clock:
    """Checks the nodes at each tick and starts what is due: probes, broadcasts, records.

    Args:
        followers: called at each tick with the time, after the nodes were checked.
    """

    def __init__(
        self,
        fleet: Fleet,
        events: NodeEvents,
        dispatcher: Dispatcher,
        probing: Probing,
        broadcaster: StateBroadcaster,
        activity: NodeActivity,
        followers: Sequence[Callable[[float], None]],
    ) -> None:
        self._fleet = fleet
        self._events = events
        self._dispatcher = dispatcher
        self._probing = probing
        self._broadcaster = broadcaster
        self._activity = activity
        self._followers = followers
        self._schedule = Schedule(time.monotonic())
        self._writes = RegistryWrites()

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            self.tick(time.monotonic())

    async def rebalance(self) -> None:
        """Hedge slow pictures regularly, until cancelled."""
        while True:
            await asyncio.sleep(REBALANCE_S)
            self._dispatcher.rebalance(time.monotonic())

    def tick(self, now: float) -> None:
        """Check the nodes, and do what is due."""
        due = self._schedule.tick(now, self._broadcaster.sent_at)
        if due.stood_still_s:
            note = log().warning if due.stood_still_s >= _NOTED_S else log().info
            note(
                "this master stood still: the machine slept or was too busy",
                seconds=round(due.stood_still_s, 1),
            )
            self._fleet.slept(due.stood_still_s)
        for change in self._fleet.tick(now):
            self._writes.attempt(partial(self._events.publish, change))
        for name in self._fleet.silent(now, SILENT_S):
            self._dispatcher.look_for(name)
        self._probing.look(now)
        if due.broadcast:
            self._broadcaster.send()
        if due.record and self._writes.attempt(self._activity.record):
            self._writes.worked()
        for follower in self._followers:
            self._writes.attempt(partial(follower, now))
