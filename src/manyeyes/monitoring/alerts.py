"""What needs a person: a pure decision from the master's facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from manyeyes.api.overview import Severity
from manyeyes.config import AlertLimits
from manyeyes.monitoring.alert_facts import Alert, Facts, NodeFacts
from manyeyes.monitoring.service_alerts import disk_alerts, service_alerts
from manyeyes.wording import duration

RECENT_S = 300.0
"""The time over which failed attempts and replaced workers are counted."""
_LEAST_AT_FAULT = 3
_SHARE_AT_FAULT = 0.2
_LEAST_RESTARTS = 3
_TOLD_SINGLY = 5
"""If more nodes than this have the same trouble, they share one alert."""
_ORDER: tuple[Severity, ...] = ("critical", "warning", "info")


def find_alerts(facts: Facts, limits: AlertLimits) -> list[Alert]:
    """All alerts, the worst first."""
    found = [*service_alerts(facts, limits)]
    by_kind: dict[str, list[Alert]] = {}
    for node in facts.nodes:
        for one in _node(node, limits):
            by_kind.setdefault(one.kind, []).append(one)
    for same in by_kind.values():
        found += same if len(same) <= _TOLD_SINGLY else [_together(same)]
    return sorted(found, key=lambda one: _ORDER.index(one.severity))


def _node(node: NodeFacts, limits: AlertLimits) -> Iterable[Alert]:
    if node.state == "waiting for approval":  # what it says of itself does not count yet
        yield _told(
            node,
            "approval",
            "waits for approval",
            f"'manyeyes nodes approve {node.name}' approves it, 'manyeyes nodes remove {node.name}' sends it away",
        )
        return
    if node.version_mismatch:
        why, _, mend = node.version_mismatch.partition("; ")
        yield _told(node, "version", f"and the master do not understand each other: {why}", mend)
    yield from _presence(node, limits)
    yield from _work(node)
    if node.disk is not None and node.state not in ("lost", "left"):
        yield from disk_alerts(node.name, node.disk, limits)


def _presence(node: NodeFacts, limits: AlertLimits) -> Iterable[Alert]:
    remove = f"'manyeyes nodes remove {node.name}'"
    if node.cut_off:
        yield _told(
            node,
            "cut-off",
            f"is banned for a while: {node.cut_off}",
            f"look at that machine; {remove} if it is not what it should be",
        )
    if node.unresponsive:
        yield _told(
            node,
            "unresponsive",
            f"sends heartbeats and does not answer: {node.reason}",
            f"look at its line to the master and at its log; 'manyeyes nodes show {node.name}'",
        )
    elif (
        node.state in ("suspect", "lost") and not node.version_mismatch and node.state_for_s > limits.silent_s
    ):
        yield _told(
            node,
            "silent",
            f"has sent no heartbeat for {duration(node.state_for_s)}",
            f"look at that machine; {remove} if it is gone for good",
        )
    if node.pack_failures > 1:
        yield _told(
            node,
            "pack",
            f"cannot get the pack: {node.reason}",
            "it tries again by itself; repair what the reason says",
        )


def _work(node: NodeFacts) -> Iterable[Alert]:
    recent_counts = node.recent_counts
    tried = recent_counts.done + recent_counts.failed + recent_counts.at_fault
    drain = f"'manyeyes nodes drain {node.name}' keeps pictures away from it"
    if recent_counts.at_fault >= max(_LEAST_AT_FAULT, _SHARE_AT_FAULT * tried):
        yield _told(
            node,
            "failing",
            f"failed in {recent_counts.at_fault} of {tried} attempts of the last {duration(RECENT_S)}",
            f"see its log; {drain}",
        )
    if recent_counts.restarts >= _LEAST_RESTARTS:
        yield _told(
            node,
            "crashing",
            f"had to replace workers {recent_counts.restarts} times in the last {duration(RECENT_S)}",
            f"see its log and its memory; {drain}",
        )


def _told(node: NodeFacts, kind: str, sentence: str, what_to_do: str) -> Alert:
    return Alert(kind, "warning", node.name, f"node {node.name} {sentence}", what_to_do)


def _together(same: list[Alert]) -> Alert:
    names = ", ".join(one.node for one in same[:3])
    return replace(
        same[0],
        node="",
        sentence=f"{len(same)} nodes: {names} and {len(same) - 3} more; the first: {same[0].sentence}",
        what_to_do="'manyeyes nodes list' shows all; for the first: " + same[0].what_to_do,
    )


class Noticed:
    """Remembers since when each thing needs a person. Args: clock: gives the current time to show."""

    def __init__(self, clock: Callable[[], str]) -> None:
        self._clock = clock
        self.alerts: tuple[Alert, ...] = ()

    def update(self, found: Iterable[Alert]) -> bool:
        """Take over the current alerts; returns whether the list changed, apart from its figures."""
        known = {(one.kind, one.node): one.since for one in self.alerts}
        before = [(one.kind, one.node, one.severity) for one in self.alerts]
        self.alerts = tuple(
            replace(one, since=known.get((one.kind, one.node)) or self._clock()) for one in found
        )
        return before != [(one.kind, one.node, one.severity) for one in self.alerts]
