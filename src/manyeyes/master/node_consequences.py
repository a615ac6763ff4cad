"""Acts on events about nodes: the one place that handles `NodeEvents`."""

from __future__ import annotations

import time
from typing import assert_never

from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.fleet.bans import BanEnforcer
from manyeyes.fleet.calls import Calls
from manyeyes.fleet.node_activity import NodeActivity
from manyeyes.fleet.node_events import CutOff, Greeted, Listed, NodeEvent, Removed
from manyeyes.fleet.node_state import Change
from manyeyes.fleet.probing import Probing
from manyeyes.monitoring.change_events import EventHub
from manyeyes.monitoring.logs.service import LogService
from manyeyes.monitoring.monitor import Monitor
from manyeyes.telemetry import log
from manyeyes.trace_events import NODE_CHANGED


class NodeConsequences:
    """Updates the other parts of a master after an event about a node; `follow` subscribes to `NodeEvents`."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        calls: Calls,
        enforcer: BanEnforcer,
        probing: Probing,
        activity: NodeActivity,
        logs: LogService,
        monitor: Monitor,
        pages: EventHub,
    ) -> None:
        self._dispatcher = dispatcher
        self._calls = calls
        self._enforcer = enforcer
        self._probing = probing
        self._activity = activity
        self._logs = logs
        self._monitor = monitor
        self._pages = pages

    def follow(self, event: NodeEvent) -> None:
        """Handle an event about a node."""
        match event:
            case Change():
                self._changed(event)
            case Greeted(name, new_process):
                self._calls.node_greets(name, new_process=new_process)
            case CutOff(name):
                self._pages.notify("nodes")
                self._calls.node_gone(name, "cut off")
                self._dispatcher.node_gone(name)
            case Removed(name):
                self._removed(name)
            case Listed():
                self._pages.notify("nodes")
            case _:
                assert_never(event)

    def _changed(self, change: Change) -> None:
        log().info(NODE_CHANGED, node=change.name, old=change.old, new=change.new, reason=change.reason)
        self._monitor.node_changed(change.name, time.monotonic())
        if change.new == "suspect":
            self._dispatcher.node_unresponsive(change.name)
        if change.new in ("lost", "left"):
            self._calls.node_gone(change.name, change.reason)
            self._dispatcher.node_gone(change.name)

    def _removed(self, name: str) -> None:
        self._activity.forget(name)
        self._calls.node_gone(name, "it was removed")
        self._enforcer.forget(name)
        self._monitor.node_removed(name)
        self._logs.forget(name)
        self._probing.forget(name)
        self._dispatcher.forget(name)
