"""Events about nodes: one part publishes an event, others subscribe and act on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from manyeyes.fleet.node_state import Change


@dataclass(frozen=True)
class Greeted:
    """A node was accepted; `new_process`: its process is a new one."""

    name: str
    new_process: bool


@dataclass(frozen=True)
class CutOff:
    """A node or the holder of a join token sent too much and is banned for a while."""

    name: str


@dataclass(frozen=True)
class Removed:
    """A node was removed."""

    name: str


@dataclass(frozen=True)
class Listed:
    """The list of nodes changed, or the facts of one node."""


NodeEvent = Change | Greeted | CutOff | Removed | Listed


class NodeEvents:
    """Passes each event about a node to all subscribers."""

    def __init__(self) -> None:
        self._subscribers: list[Callable[[NodeEvent], None]] = []

    def subscribe(self, subscriber: Callable[[NodeEvent], None]) -> None:
        """Call `subscriber` with each event from now on; it must not wait."""
        self._subscribers.append(subscriber)

    def publish(self, event: NodeEvent) -> None:
        """Pass an event on to all subscribers, before this returns."""
        for subscriber in self._subscribers:
            subscriber(event)
