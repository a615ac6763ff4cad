"""Which nodes only say that they live: pure decisions about probes; no I/O, no clock.

Heartbeats come from a node's agent and prove no more than that. What proves that a node works is an answer: to a
picture, or, where it has had none for a while, to a *probe*, a small picture that nobody waits for. A node that does
not answer one is *deaf*: others get what it holds, it gets nothing more, and it is probed until it answers. So is one
that asks for no pictures while some wait, until it asks: a probe comes by a node's own subject, not out of the queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PATIENCE_FACTOR = 8.0
"""How many times as long as a picture usually takes it, a node may be silent."""
LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True)
class SendProbe:
    """Have a node work on a probe."""

    node: str


@dataclass(frozen=True)
class TakeOut:
    """A node is deaf."""

    node: str
    reason: str


@dataclass(frozen=True)
class BringBack:
    """A deaf node has answered."""

    node: str


Instruction = SendProbe | TakeOut | BringBack


@dataclass
class _Watch:
    proved_at: float
    """When it last showed that it works, or began to say so."""
    asked_at: float
    """When it last claimed a picture, or began to say that it takes them."""
    probed_at: float | None = None
    deaf: Literal["", "answers", "asks"] = ""
    """What it does not do."""
    pause_s: float = 0.0


class Probes:
    """Watches the nodes that say that they take pictures.

    Args:
        idle_s: after how long without an answer a node that holds nothing is probed.
        busy_s: the same for one that holds pictures.
        answer_s: how long an answer to a probe may take.
    """

    def __init__(self, idle_s: float, busy_s: float, answer_s: float) -> None:
        self._idle_s = idle_s
        self._busy_s = busy_s
        self._answer_s = answer_s
        self._watches: dict[str, _Watch] = {}

    def answered(self, node: str, now: float) -> list[Instruction]:
        """A node answered a picture or a probe."""
        watch = self._watches.get(node)
        if watch is None:
            return []
        watch.proved_at, watch.probed_at, watch.pause_s = now, None, 0.0
        return self._bring_back(node, watch) if watch.deaf == "answers" else []

    def asked(self, node: str, now: float) -> list[Instruction]:
        """A node claimed a picture."""
        watch = self._watches.get(node)
        if watch is None:
            return []
        watch.asked_at = now
        return self._bring_back(node, watch) if watch.deaf == "asks" else []

    def refuses(self, node: str) -> bool:
        """Whether a node is given no pictures."""
        watch = self._watches.get(node)
        return watch is not None and watch.deaf == "answers"

    def seen(
        self,
        node: str,
        says_it_takes: bool,
        holds: int,
        picture_s: float,
        now: float,
        waiting_since: float | None = None,
    ) -> list[Instruction]:
        """How a node stands just now; called regularly.

        Args:
            says_it_takes: whether its heartbeats come and say that it takes pictures.
            holds: how many pictures it holds.
            picture_s: what a picture usually takes it, in seconds; 0: not known.
            waiting_since: since when there have been pictures that nobody holds; None where there are none.
        """
        watch = self._watches.get(node)
        if not says_it_takes:
            self._watches.pop(node, None)
            return [BringBack(node)] if watch and watch.deaf else []
        if watch is None:
            watch = self._watches[node] = _Watch(now, now)
        if waiting_since is not None and not holds and not watch.deaf:
            silent_s = now - max(waiting_since, watch.asked_at)
            if silent_s >= self._busy_s:
                watch.deaf = "asks"
                return [
                    TakeOut(
                        node,
                        f"it says that it is free, and has asked for none of the pictures that wait for {silent_s:.0f} s",
                    )
                ]
        if watch.probed_at is None:
            patience_s = max(self._busy_s, PATIENCE_FACTOR * picture_s) if holds else self._idle_s
            if now - watch.proved_at < patience_s:
                return []
            watch.probed_at = now
            return [SendProbe(node)]
        answer_s = max(self._answer_s, PATIENCE_FACTOR * picture_s)
        if now - watch.probed_at < max(answer_s, watch.pause_s):
            return []
        watch.probed_at = now
        if watch.deaf:
            watch.pause_s = min(max(2 * watch.pause_s, answer_s), LONGEST_PAUSE_S)
            return [SendProbe(node)]
        watch.deaf = "answers"
        reason = (
            f"it says that it takes pictures, and has not answered a probe for {answer_s:.0f} s; it is given none "
            "until it answers one"
        )
        return [TakeOut(node, reason), SendProbe(node)]

    def _bring_back(self, node: str, watch: _Watch) -> list[Instruction]:
        watch.deaf = ""
        return [BringBack(node)]
