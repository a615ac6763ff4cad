"""Handles what nodes report of themselves: hello, heartbeat, leave."""

from __future__ import annotations

from manyeyes.broker.connection import Incoming
from manyeyes.contract import Heartbeat, Hello, Leave, introduced
from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.fleet.node_activity import NodeActivity
from manyeyes.fleet.node_events import NodeEvents
from manyeyes.fleet.node_facts import plain_heartbeat
from manyeyes.fleet.node_service import NodeService
from manyeyes.fleet.node_state import Fleet
from manyeyes.master.background import Spawn
from manyeyes.monitoring.monitor import Monitor
from manyeyes.plain_text import plain


class MembershipMessages:
    """Handles the hello, heartbeat and leave messages of nodes."""

    def __init__(
        self,
        nodes: NodeService,
        fleet: Fleet,
        dispatcher: Dispatcher,
        monitor: Monitor,
        activity: NodeActivity,
        events: NodeEvents,
        spawn: Spawn,
    ) -> None:
        self._nodes = nodes
        self._fleet = fleet
        self._dispatcher = dispatcher
        self._monitor = monitor
        self._activity = activity
        self._events = events
        self._spawn = spawn

    def hello(self, node: str, message: Incoming, now: float) -> None:
        """A process sends the node's hello."""
        hello, said = Hello.model_validate_json(message.data), introduced(message.data, message.headers)
        self._spawn(self._nodes.hello(node, hello, said, message.reply), f"hello-{node}")

    def heartbeat(self, node: str, message: Incoming, now: float) -> None:
        """A node sends a heartbeat."""
        said = plain_heartbeat(Heartbeat.model_validate_json(message.data))
        heartbeat = self._nodes.heartbeat(node, said, now)
        if heartbeat is None:
            return
        self._activity.heard(node)
        self._monitor.heard(node, heartbeat, now)
        if change := self._fleet.heard(node, heartbeat, now):
            self._events.publish(change)
        self._dispatcher.on_heartbeat(node, heartbeat, now)

    def leave(self, node: str, message: Incoming, now: float) -> None:
        """A node leaves."""
        leave = Leave.model_validate_json(message.data)
        if self._nodes.leave(node, leave) and (change := self._fleet.left(node, plain(leave.reason))):
            self._events.publish(change)
