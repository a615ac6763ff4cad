"""How machines join, report their state, and receive the desired state."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from manyeyes.contract.dispatch import MOST_GATEWAYS, Grant
from manyeyes.contract.message import Count, FromMaster, FromNode, Id, Part, Seconds
from manyeyes.contract.version import NEWEST, OLDEST

NODE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")
_MOST_FAILURES = 1_000_000
_MOST_WORKERS = 1024
_MOST_HOLDING = 16_384
_MOST_FINGERPRINT = 128

NodeState = Literal["waiting for approval", "provisioning", "ready", "working", "draining", "paused"]
"""The state that a node reports; the master adds joining, suspect, lost and left."""
Desired = Literal["", "pause", "drain"]
"""What an operator wants of a node until they say otherwise; empty: that it works."""


class WorkerReport(Part):
    """One worker as its agent sees it."""

    index: Count
    state: Literal["starting", "idle", "busy", "resting"]
    busy_s: Seconds = 0.0
    restarts: Count = 0
    pid: Count = 0


class HostFacts(Part):
    """The machine under a node."""

    hostname: str
    system: str
    cpu: str
    cores: Count
    memory_bytes: Count
    python: str
    cpu_share: float | None = Field(None, ge=0.0, le=1.0)
    """How busy its processor is now; None: not known, as in a request to join."""
    memory_used_bytes: Count = 0
    """Of `memory_bytes`, or of the limit where there is one; 0: not known."""
    cores_limit: float | None = Field(None, gt=0.0, le=1e6)
    """How many cores the node may use, where it is less than all: a container's quota, an affinity. Not sent if None."""
    memory_limit_bytes: Count | None = None
    """How much memory a container lets it use, where it is less than all. Not sent if None."""

    @model_serializer(mode="wrap")
    def _limits_only_where_there_are_some(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told: dict[str, Any] = handler(self)
        without = {name for name in ("cores_limit", "memory_limit_bytes") if told.get(name) is None}
        return {name: value for name, value in told.items() if name not in without}


class Heartbeat(FromNode):
    """How a node is; `holding` names every task that it was sent and whose outcome is not settled."""

    state: NodeState
    reason: str = ""
    session: Id = ""
    """The session of this start of the agent; see `Hello`."""
    desired: Desired = ""
    """The desired state that the node follows."""
    workers: tuple[WorkerReport, ...] = Field((), max_length=_MOST_WORKERS)
    holding: tuple[Id, ...] = Field((), max_length=_MOST_HOLDING)
    grants: dict[Id, Grant] = Field(default_factory=dict, max_length=MOST_GATEWAYS)
    """By the gateway's id."""
    done: Count = 0
    failed: Count = 0
    gallery_version: Count = 0
    pack: str = ""
    agent_rss_bytes: Count = 0
    allow_exec: bool = False
    """Whether the node was started with `--allow-exec`."""
    benchmark_s: Seconds = 0.0
    """What the pack's own benchmark took one worker at its start; 0: none yet, or the pack has none."""
    picture_s: Seconds = 0.0
    """What a picture takes one worker, by the benchmark first, by recent pictures then; 0: not known."""
    disk_free_bytes: Count = 0
    disk_bytes: Count = 0
    """Of the disk with the node's data folder; free bytes change here only when they have changed much."""
    pack_failures: int = Field(0, ge=0, le=_MOST_FAILURES)
    """How many attempts in a row to bring the pack have failed."""
    host: HostFacts


class _OfAnyVersion(FromNode):
    """Read by masters of every version. What its sender speaks is read with `introduced`, as of messages of other forms."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: int = NEWEST
    oldest: int = OLDEST
    newest: int = NEWEST


class JoinRequest(_OfAnyVersion):
    """A machine that holds a token asks to become a node."""

    public_nkey: str
    wanted_name: str
    version: str
    host: HostFacts
    fingerprint: str = Field("", max_length=_MOST_FINGERPRINT)
    """Of the machine, see `node.host`; empty if it has none."""


class JoinReply(FromMaster):
    """The node's name, or why it was refused."""

    name: str = ""
    pack_public_key: str = ""
    code: str = ""
    detail: str = ""


class Hello(_OfAnyVersion):
    """A node sends its identity and its versions, after each connect and before anything else.

    `session` is random for each start of an agent: two processes with one identity differ in it.
    """

    session: Id
    fingerprint: str = Field("", max_length=_MOST_FINGERPRINT)


class Welcome(FromMaster):
    """The answer to `Hello`."""

    speak: int = NEWEST
    """The version that the node speaks from now on."""
    gateway: str = ""
    """The gateway that answers."""
    approved: bool
    """While false, the node gets no pack and no pictures."""
    desired: Desired = ""


class Directive(FromMaster):
    """What a master tells one node on its `directive_subject`.

    A lost one does no harm: the desired state and the approval are sent again until heartbeats show them.
    """

    kind: str
    """`desired`, `approved`, `shutdown`, `refused`, `heartbeat`, `unresponsive` (a probe was not answered); a node
    ignores what it does not know."""
    desired: Desired = ""
    session: str = ""
    """For `refused`: the session that must end."""
    detail: str = ""


class Leave(FromNode):
    """A node leaves."""

    session: Id = ""
    reason: str = ""
