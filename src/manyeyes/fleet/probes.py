"""Finds nodes that send heartbeats but do not work: pure decisions about probes; no I/O, no clock.

A heartbeat only proves that a node's agent runs. An answer proves that the node works: an answer to a picture or, if
it had none for a while, to a *probe*, a small picture that nobody waits for. A node that does not answer a probe is
*unresponsive*: others get what it holds, it gets nothing more, and it is probed until it answers. A node that reports
that it is free but grants no credit while pictures wait is unresponsive too, until it grants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PATIENCE_FACTOR = 8.0
"""How many times as long as a picture usually takes it, a node may be silent."""
LINE_FACTOR = 2.0
"""The same for what its line carries: it is shared with whatever else its owner does."""
LONGEST_PATIENCE_S = 120.0
"""The longest wait, however long a node reports that a picture takes it."""
LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True)
class SendProbe:
    """Send a node a probe."""

    node: str


@dataclass(frozen=True)
class TakeOut:
    """A node is unresponsive."""

    node: str
    reason: str


@dataclass(frozen=True)
class BringBack:
    """An unresponsive node has answered, or grants again."""

    node: str


Instruction = SendProbe | TakeOut | BringBack


@dataclass
class _Watch:
    proved_at: float
    """When it last answered, or first reported that it takes pictures."""
    granted_at: float
    """When it last had credit left, or first reported that it takes pictures."""
    probed_at: float | None = None
    lacking: Literal["", "answers", "grants"] = ""
    """What it does not do."""
    pause_s: float = 0.0


class Probes:
    """Watches the nodes that report that they take pictures, and decides which are unresponsive.

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

    def answered(self, node: str, now: float) -> list[BringBack]:
        """A node answered a picture or a probe."""
        watch = self._watches.get(node)
        if watch is None:
            return []
        watch.proved_at, watch.probed_at, watch.pause_s = now, None, 0.0
        return self._bring_back(node, watch) if watch.lacking == "answers" else []

    def granted(self, node: str, now: float) -> list[BringBack]:
        """A node has credit left."""
        watch = self._watches.get(node)
        if watch is None:
            return []
        watch.granted_at = now
        return self._bring_back(node, watch) if watch.lacking == "grants" else []

    def seen(
        self,
        node: str,
        says_it_takes: bool,
        holds: int,
        picture_s: float,
        line_s: float,
        now: float,
        waiting_since: float | None = None,
    ) -> list[Instruction]:
        """Check a node; call this regularly.

        Args:
            says_it_takes: whether its heartbeats come and say that it takes pictures.
            holds: how many pictures it holds.
            picture_s: what a picture usually takes it, in seconds; 0: not known.
            line_s: what its line needs for all that it holds, in seconds; 0: not known.
            waiting_since: since when there have been pictures that nobody holds; None if there are none.
        """
        watch = self._watches.get(node)
        if not says_it_takes:
            self._watches.pop(node, None)
            return [BringBack(node)] if watch and watch.lacking else []
        if watch is None:
            watch = self._watches[node] = _Watch(now, now)
        if waiting_since is not None and not holds and not watch.lacking:
            silent_s = now - max(waiting_since, watch.granted_at)
            if silent_s >= self._busy_s:
                watch.lacking = "grants"
                return [
                    TakeOut(
                        node,
                        f"it says that it is free, and grants no credit for the pictures that wait for {silent_s:.0f} s",
                    )
                ]
        usual_s = min(PATIENCE_FACTOR * picture_s + LINE_FACTOR * line_s, LONGEST_PATIENCE_S)
        if watch.probed_at is None:
            patience_s = max(self._busy_s, usual_s) if holds else self._idle_s
            if now - watch.proved_at < patience_s:
                return []
            watch.probed_at = now
            return [SendProbe(node)]
        answer_s = max(self._answer_s, usual_s)
        if now - watch.probed_at < max(answer_s, watch.pause_s):
            return []
        watch.probed_at = now
        if watch.lacking:
            watch.pause_s = min(max(2 * watch.pause_s, answer_s), LONGEST_PAUSE_S)
            return [SendProbe(node)]
        watch.lacking = "answers"
        reason = (
            f"it says that it takes pictures, and has not answered a probe for {answer_s:.0f} s; it is given none "
            "until it answers one"
        )
        return [TakeOut(node, reason), SendProbe(node)]

    def forget(self, node: str) -> None:
        """The node was removed; a later node of that name is a new one."""
        self._watches.pop(node, None)

    def _bring_back(self, node: str, watch: _Watch) -> list[BringBack]:
        watch.lacking = ""
        return [BringBack(node)]
