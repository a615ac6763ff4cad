"""Nodes as the master sees them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from manyeyes.api.model import Answer, Moment

NodeSort = Literal[
    "name", "state", "workers", "pictures_per_s", "done", "failed", "last_seen", "pack", "hostname"
]
"""What a list of nodes is sorted by; `state` has those first that a person may have to see to."""

NODE_STATES = (
    "waiting for approval", "cut off", "suspect", "lost", "provisioning", "joining", "draining", "paused",
    "left", "working", "ready",
)  # fmt: skip
"""All states of a node, those first that a person may have to see to."""


class NodeWorker(Answer):
    """One worker of a node, as its agent sees it."""

    index: int
    """Its place among the node's workers, from 0 on."""
    state: str
    """`starting`, `idle`, `busy`, or `resting` after it crashed too often."""
    busy_s: float = 0.0
    """How long it has been busy with what it has in hand."""
    restarts: int = 0
    """How often it was replaced."""
    pid: int = 0
    """Of its process."""


class Node(Answer):
    """One node as the master sees it; times are UTC."""

    name: str
    """It names the node in other calls."""
    state: str
    """docs/concepts.md lists the states."""
    reason: str | None = None
    """Why it is in that state, in words."""
    workers: int = 0
    """How many it has."""
    workers_detail: tuple[NodeWorker, ...] = ()
    """Each of them."""
    agent_rss_bytes: int = 0
    """Memory of its agent alone."""
    done: int = 0
    """Pictures that it ended with a result."""
    failed: int = 0
    """Pictures that it ended with an error."""
    first_seen: Moment | None = None
    """When it joined."""
    last_seen: Moment | None = None
    """When its last heartbeat came."""
    address: str | None = None
    """The machine's host name."""
    host: dict[str, Any] = Field(default_factory=dict)
    """Its host name, system, processor, cores, memory and Python, and how busy it is."""
    pack: str | None = None
    """The pack that it works with."""
    approved: bool = True
    """While false it waits for approval and gets neither pack nor pictures."""
    desired: Literal["", "pause", "drain"] = ""
    """What an operator set, `pause` or `drain`; empty: it works."""
    token: str = ""
    """The id of the token that it joined with."""
    version: str = ""
    """The release of manyeyes that it runs; empty: not known."""
    ephemeral: bool = False
    """Whether it is forgotten when it leaves, or is lost for a time."""
    fingerprint: str = ""
    """Of the machine: a keyed hash; empty where the machine has no id."""
    same_host: tuple[str, ...] = ()
    """Only of a single node: others on the same machine; of removed ones the last few, then how many more."""
    allow_exec: bool = False
    """Whether admins may run commands on it."""
    benchmark_s: float = 0.0
    """What the pack's own benchmark took one of its workers; 0: not known."""
    picture_s: float = 0.0
    """What a picture took one of its workers recently; 0: not known."""
    disk_free_bytes: int = 0
    """Of the disk with its data folder, reported again when it has changed by a tenth."""
    disk_bytes: int = 0
    """Of the whole disk with its data folder; 0: not known."""

    @property
    def speed_s(self) -> float:
        """What a picture takes one worker: the pack's own one, or recent ones for a pack without it; 0: not known."""
        return self.benchmark_s or self.picture_s

    @property
    def pictures_per_s(self) -> float:
        """What all its workers together can do, as far as it is known; else 0."""
        return self.workers / self.speed_s if self.speed_s else 0.0


class NodePage(Answer):
    """Nodes: all of them, or a page in the order that was asked for."""

    nodes: tuple[Node, ...]
    """In the order that was asked for."""
    found: int = 0
    """Only of a page: how many there are on all pages."""
    states: dict[str, int] = Field(default_factory=dict)
    """Only of a page: how many of the nodes that the search finds are in each state."""
