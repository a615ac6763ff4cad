"""What happens to nodes: those who cause it publish it here, those who act on it subscribe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from manyeyes.fleet.node_state import Change


@dataclass(frozen=True)
class Greeted:
    """A node was accepted; `new_process`: it is another process than before."""

    name: str
    new_process: bool


@dataclass(frozen=True)
class CutOff:
    """A node, or the holder of a join token, said too much and is cut off for a while."""

    name: str


@dataclass(frozen=True)
class Removed:
    """A node is no longer known."""

    name: str


@dataclass(frozen=True)
class Listed:
    """The registry's nodes are others than before, or one of them has other facts."""


NodeEvent = Change | Greeted | CutOff | Removed | Listed


class NodeEvents:
    """One per master."""

    def __init__(self) -> None:
        self._subscribers: list[Callable[[NodeEvent], None]] = []

    def subscribe(self, subscriber: Callable[[NodeEvent], None]) -> None:
        """Call `subscriber` with each event from now on; it must not wait."""
        self._subscribers.append(subscriber)

    def publish(self, event: NodeEvent) -> None:
        """Pass an event on to all subscribers, before this returns."""
        for subscriber in self._subscribers:
            subscriber(event)
