"""What is looked at to find what needs a person, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from manyeyes.api.overview import Severity
from manyeyes.monitoring.time_series import RecentCounts


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
    version_mismatch: str = ""
    """Why master and node do not understand each other."""
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
