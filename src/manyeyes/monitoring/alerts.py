"""What needs a person: a pure decision from the master's facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from manyeyes.api.overview import Severity
from manyeyes.config import AlertLimits
from manyeyes.fleet.node_state import TAKING
from manyeyes.lan.service import is_loopback
from manyeyes.monitoring.time_series import RecentCounts

RECENT_S = 300.0
"""The time over which failed attempts and replaced workers are counted."""
_LEAST_AT_FAULT = 3
_SHARE_AT_FAULT = 0.2
_LEAST_RESTARTS = 3
_TOLD_SINGLY = 5
"""If more nodes than this have the same trouble, they share one alert."""
CERTIFICATE_ENDS_S = 14 * 86_400.0
"""An own certificate with less time left raises an alert."""
_ORDER: tuple[Severity, ...] = ("critical", "warning", "info")


@dataclass(frozen=True)
class Disk:
    """How full a file system is."""

    free_bytes: int
    size_bytes: int


@dataclass(frozen=True)
class NodeFacts:
    """The facts about one node that may need a person."""

    name: str
    state: str
    reason: str = ""
    unresponsive: bool = False
    state_for_s: float = 0.0
    cut_off: str = ""
    """Why it is banned for a while; empty if it is not."""
    pack_failures: int = 0
    """Attempts in a row to get the pack that failed."""
    recent_counts: RecentCounts = field(default_factory=RecentCounts)
    disk: Disk | None = None


@dataclass(frozen=True)
class CertificateFacts:
    """The facts about an operator's own certificate for users."""

    file: str
    expires_in_s: float
    trouble: str = ""
    """Why its changed files are not in use."""


@dataclass(frozen=True)
class Facts:
    """The whole service at one moment."""

    nodes: tuple[NodeFacts, ...]
    engine_answers: bool
    disk: Disk
    """Of the master's data folder."""
    waiting: int
    oldest_waiting_s: float
    people: int
    photos_to_embed: int
    up_for_s: float
    """Since the master's start."""
    plain_http: str = ""
    """ADDRESS:PORT at which the API is served without TLS; empty: nowhere."""
    certificate: CertificateFacts | None = None
    """Of an operator's own certificate."""


@dataclass(frozen=True)
class Alert:
    """Something that needs a person; `since` is empty until it is noticed."""

    kind: str
    severity: Severity
    node: str
    """Empty if it is not about one node."""
    sentence: str
    what_to_do: str
    since: str = ""


def find_alerts(facts: Facts, limits: AlertLimits) -> list[Alert]:
    """All alerts, the worst first."""
    found = [*_service(facts, limits)]
    by_kind: dict[str, list[Alert]] = {}
    for node in facts.nodes:
        for one in _node(node, limits):
            by_kind.setdefault(one.kind, []).append(one)
    for same in by_kind.values():
        found += same if len(same) <= _TOLD_SINGLY else [_together(same)]
    return sorted(found, key=lambda one: _ORDER.index(one.severity))


def _service(facts: Facts, limits: AlertLimits) -> Iterable[Alert]:
    if not facts.engine_answers:
        yield Alert(
            "engine",
            "critical",
            "",
            "nats-server does not answer: no picture can be accepted",
            "the master starts it again; if it is not back in a minute, look at the master's log and disk",
        )
    yield from _no_node(facts, limits)
    yield from _disk("", facts.disk, limits)
    yield from _users(facts)
    if facts.waiting and facts.oldest_waiting_s > limits.queue_old_s:
        yield Alert(
            "queue",
            "warning",
            "",
            f"{facts.waiting} pictures wait, the oldest for {facts.oldest_waiting_s:.0f} s",
            "add nodes, or look in 'manyeyes nodes list' why these do not take them",
        )
    if facts.photos_to_embed:
        yield Alert(
            "embed-again",
            "info",
            "",
            f"{facts.photos_to_embed} photos wait to be embedded again; until then they are not compared",
            "nothing while nodes are ready: they do it during their work",
        )
    if not facts.people:
        yield Alert(
            "no-people",
            "info",
            "",
            "nobody is enrolled: faces are found and none gets a name",
            "'manyeyes people add NAME PHOTO...' enrols somebody",
        )


def _no_node(facts: Facts, limits: AlertLimits) -> Iterable[Alert]:
    if any(node.state in TAKING for node in facts.nodes):
        return
    if facts.up_for_s < limits.return_s:
        yield Alert(
            "no-ready-node" if facts.nodes else "no-node",
            "info",
            "",
            f"no node takes pictures yet ({_joined(facts)}): the master has just started",
            "nothing: nodes that run connect by themselves within seconds",
        )
    elif not facts.nodes:
        yield Alert(
            "no-node",
            "critical",
            "",
            "no node has joined: pictures wait",
            "'manyeyes token' prints the command to run on a machine that is to work",
        )
    else:
        yield Alert(
            "no-ready-node",
            "critical",
            "",
            f"no node takes pictures ({_joined(facts)}): pictures wait",
            "'manyeyes nodes list' shows the state of each",
        )


def _joined(facts: Facts) -> str:
    return f"{len(facts.nodes)} joined" if facts.nodes else "none joined"


def _users(facts: Facts) -> Iterable[Alert]:
    """How users reach the master."""
    if facts.plain_http:
        here = is_loopback(facts.plain_http.rpartition(":")[0].strip("[]"))
        yield Alert(
            "plain-http",
            "info" if here else "warning",
            "",
            f"the API is served without TLS at {facts.plain_http}"
            + (
                ", to programs on this machine only"
                if here
                else ": keys and pictures can be read on their way"
            ),
            "nothing if that is wanted; else start the master without --plain-http",
        )
    own = facts.certificate
    if own is None:
        return
    if own.trouble:
        yield Alert(
            "certificate",
            "warning",
            "",
            f"the changed certificate is not in use, the one before is: {own.trouble}",
            "mend the files; they are read again by themselves",
        )
    if own.expires_in_s < CERTIFICATE_ENDS_S:
        ended = own.expires_in_s <= 0
        yield Alert(
            "certificate-ends",
            "critical" if ended else "warning",
            "",
            f"the certificate in {own.file} has expired: browsers and programs refuse it"
            if ended
            else f"the certificate in {own.file} expires in {_span(own.expires_in_s)}",
            "renew it; the master reads the new files by itself",
        )


def _node(node: NodeFacts, limits: AlertLimits) -> Iterable[Alert]:
    if node.state == "waiting for approval":  # what it says of itself does not count yet
        yield _told(
            node,
            "approval",
            "waits for approval",
            f"'manyeyes nodes approve {node.name}' approves it, 'manyeyes nodes remove {node.name}' sends it away",
        )
        return
    yield from _presence(node, limits)
    yield from _work(node)
    if node.disk is not None and node.state not in ("lost", "left"):
        yield from _disk(node.name, node.disk, limits)


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
    elif node.state in ("suspect", "lost") and node.state_for_s > limits.silent_s:
        yield _told(
            node,
            "silent",
            f"has sent no heartbeat for {_span(node.state_for_s)}",
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
            f"failed in {recent_counts.at_fault} of {tried} attempts of the last {_span(RECENT_S)}",
            f"see its log; {drain}",
        )
    if recent_counts.restarts >= _LEAST_RESTARTS:
        yield _told(
            node,
            "crashing",
            f"had to replace workers {recent_counts.restarts} times in the last {_span(RECENT_S)}",
            f"see its log and its memory; {drain}",
        )


def _told(node: NodeFacts, kind: str, sentence: str, what_to_do: str) -> Alert:
    return Alert(kind, "warning", node.name, f"node {node.name} {sentence}", what_to_do)


def _disk(node: str, disk: Disk, limits: AlertLimits) -> Iterable[Alert]:
    low = min(limits.disk_low_bytes, int(disk.size_bytes * limits.disk_low_share))
    if disk.free_bytes >= max(low, limits.disk_least_bytes):
        return
    full = disk.free_bytes < limits.disk_least_bytes
    whose = f"node {node}" if node else "the master's data folder"
    yield Alert(
        "disk-full" if full else "disk-low",
        "warning" if node or not full else "critical",
        node,
        f"the disk of {whose} is {'full' if full else 'nearly full'}: {disk.free_bytes >> 20} MiB of "
        f"{disk.size_bytes >> 20} are free",
        "free some space there",
    )


def _together(same: list[Alert]) -> Alert:
    names = ", ".join(one.node for one in same[:3])
    return replace(
        same[0],
        node="",
        sentence=f"{len(same)} nodes: {names} and {len(same) - 3} more; the first: {same[0].sentence}",
        what_to_do="'manyeyes nodes list' shows all; for the first: " + same[0].what_to_do,
    )


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 172_800:
        return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} days"


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
