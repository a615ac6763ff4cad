"""How machines become nodes, say how they are, and are told what is desired of them."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import ConfigDict, Field

from manyeyes.contract.dispatch import Grant
from manyeyes.contract.message import MOST_COUNTED, FromMaster, FromNode, Part
from manyeyes.contract.version import NEWEST, OLDEST

NODE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")
_MOST_FAILURES = 1_000_000
_MOST_GATEWAYS = 64

NodeState = Literal["waiting for approval", "provisioning", "ready", "working", "draining", "paused"]
"""As a node tells it; the master adds joining, suspect, lost and left."""
Desired = Literal["", "pause", "drain"]
"""What an operator wants of a node until they say otherwise; empty: that it works."""


class WorkerReport(Part):
    """One worker as its agent sees it."""

    index: int
    state: Literal["starting", "idle", "busy", "resting"]
    busy_s: float = 0.0
    restarts: int = 0
    pid: int = 0


class HostFacts(Part):
    """The machine under a node."""

    hostname: str
    system: str
    cpu: str
    cores: int
    memory_bytes: int
    python: str


class Heartbeat(FromNode):
    """How a node is; `holding` names every task that it was sent and whose outcome is not settled."""

    state: NodeState
    reason: str = ""
    session: str = ""
    """Of this start of the agent; see `Hello`."""
    desired: Desired = ""
    """The one that the node follows."""
    workers: tuple[WorkerReport, ...] = ()
    holding: tuple[str, ...] = ()
    grants: dict[str, Grant] = Field(default_factory=dict, max_length=_MOST_GATEWAYS)
    """By the gateway's id."""
    done: int = 0
    failed: int = 0
    gallery_version: int = 0
    pack: str = ""
    agent_rss_bytes: int = 0
    allow_exec: bool = False
    """Whether the node was started with `--allow-exec`."""
    benchmark_s: float = 0.0
    """What the pack's own benchmark took one worker at its start; 0: none yet, or the pack has none."""
    picture_s: float = 0.0
    """What a picture takes one worker, by the benchmark first, by recent pictures then; 0: not known."""
    disk_free_bytes: int = Field(0, ge=0, le=MOST_COUNTED)
    disk_bytes: int = Field(0, ge=0, le=MOST_COUNTED)
    """Of the disk with the node's data folder; free bytes are told anew when they have changed much."""
    pack_failures: int = Field(0, ge=0, le=_MOST_FAILURES)
    """How many attempts in a row to bring the pack have failed."""
    host: HostFacts


class JoinRequest(FromNode):
    """A machine that holds a token asks to become a node. Read by masters of every version."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = NEWEST
    oldest: int = OLDEST
    newest: int = NEWEST
    public_nkey: str
    wanted_name: str
    version: str
    host: HostFacts
    fingerprint: str = ""
    """Of the machine, see `node.host`; empty where it has none."""


class JoinReply(FromMaster):
    """The node's name, or why it was refused."""

    name: str = ""
    pack_public_key: str = ""
    code: str = ""
    detail: str = ""


class Hello(FromNode):
    """A node says who it is and what it speaks, after each connect and before anything else. Read by masters of
    every version.

    `session` is random for each start of an agent: two processes with one identity differ in it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = NEWEST
    oldest: int = OLDEST
    newest: int = NEWEST
    session: str
    fingerprint: str = ""


class Welcome(FromMaster):
    """The answer to `Hello`."""

    speak: int = NEWEST
    """The version that the node speaks from now on."""
    gateway: str = ""
    """Who answers."""
    approved: bool
    """While false the node gets neither the pack nor pictures."""
    desired: Desired = ""


class Directive(FromMaster):
    """What a master tells one node on its `directive_subject`.

    A lost one does no harm: what is desired and approved is said again while heartbeats show that it did not arrive.
    """

    kind: str
    """`desired`, `approved`, `shutdown`, `refused`, `heartbeat`, `unresponsive` (a probe was not answered); a node
    passes over what it does not know."""
    desired: Desired = ""
    session: str = ""
    """Of `refused`: the session that must end."""
    detail: str = ""


class Leave(FromNode):
    """A node leaves."""

    session: str = ""
    reason: str = ""
