"""What needs a person of the service as a whole: a pure decision from the master's facts."""

from __future__ import annotations

from collections.abc import Iterable

from manyeyes.addresses import host_and_port, is_loopback
from manyeyes.config import AlertLimits
from manyeyes.fleet.node_state import TAKING
from manyeyes.monitoring.alert_facts import Alert, Disk, Facts
from manyeyes.wording import duration

CERTIFICATE_ENDS_S = 14 * 86_400.0
"""An own certificate with less time left raises an alert."""


def service_alerts(facts: Facts, limits: AlertLimits) -> Iterable[Alert]:
    """The alerts that are not about one node."""
    if not facts.engine_answers:
        yield Alert(
            "engine",
            "critical",
            "",
            "nats-server does not answer: no picture can be accepted",
            "the master starts it again; if it is not back in a minute, look at the master's log and disk",
        )
    yield from _no_node(facts, limits)
    yield from disk_alerts("", facts.disk, limits)
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
            "do nothing while nodes are ready: they do it beside their work",
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
            "do nothing: nodes that run connect by themselves within seconds",
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
        here = is_loopback(host_and_port(facts.plain_http)[0])
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
            "do nothing if you want this; else start the master without --plain-http",
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
            else f"the certificate in {own.file} expires in {duration(own.expires_in_s)}",
            "renew it; the master reads the new files by itself",
        )


def disk_alerts(node: str, disk: Disk, limits: AlertLimits) -> Iterable[Alert]:
    """Whether a disk is full, or nearly.

    Args:
        node: whose it is; empty: the master's.
    """
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
