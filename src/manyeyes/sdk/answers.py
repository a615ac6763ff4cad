"""What the client's calls answer, beside `Result`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from manyeyes.results import Caution, Result


@dataclass(frozen=True)
class Prediction:
    """One picture's answer: the faces, and the predicted picture when it was asked for."""

    result: Result
    picture: bytes | None = None
    """The encoded picture with its boxes drawn."""
    media_type: str | None = None
    """Of `picture`, as `image/jpeg`; the original's, but for GIF, TIFF and BMP (PNG), AVIF and HEIC (JPEG)."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Photo(_Answer):
    """One enrolled photo."""

    id: int
    file_name: str
    source: Literal["enrolled", "feedback", "kept"]
    """`kept`: an unknown face that was given a name."""
    added_at: datetime
    warnings: tuple[Caution, ...] = ()
    has_image: bool = False
    """Whether its portrait can be fetched."""


class AddedPhoto(_Answer):
    """A photo as it was just enrolled."""

    file_name: str
    photo_id: int
    box_xyxy_px: tuple[int, int, int, int] | None
    """Of the face, in the photo as a person sees it; None for a face that was kept."""
    warnings: tuple[Caution, ...] = ()


class Feedback(_Answer):
    """One piece of feedback that counts: a face is, or is not, `name`."""

    id: str
    verdict: Literal["is", "not"]
    name: str
    file_name: str
    added_at: datetime
    warnings: tuple[Caution, ...] = ()
    """Only when it is given."""


class Person(_Answer):
    """Somebody enrolled."""

    name: str
    photos: int
    added_at: datetime | None = None
    warnings: tuple[Caution, ...] = ()
    """Only from enrolling: what is worth knowing about the new photos."""
    added: tuple[AddedPhoto, ...] = ()
    """Only from enrolling: the new photos one by one."""
    photos_detail: tuple[Photo, ...] = ()
    """Only of a single person."""
    feedback: tuple[Feedback, ...] = ()
    """Only of a single person: what would go with them, beside the photos."""


class Threshold(_Answer):
    """Up to which distance a name is given, and what that means for the gallery as it is.

    The rates are None where the pack has no calibration.
    """

    mode: Literal["default", "fmr", "distance"]
    threshold: float
    asked_fmr: float | None
    fmr: float | None
    """The chance that a stranger gets any name."""
    miss_rate: float | None
    """How often somebody enrolled with one photo goes without their name."""
    people: int
    photos: int
    pack: str
    extrapolated: bool
    """Whether `fmr` rests on distances smaller than any measured between strangers."""
    notes: tuple[str, ...] = ()


class NodeWorker(_Answer):
    """One worker of a node, as its agent sees it."""

    index: int
    state: str
    """`starting`, `idle`, `busy`, or `resting` after it crashed too often."""
    busy_s: float = 0.0
    """How long it has been busy with what it has in hand."""
    restarts: int = 0
    pid: int = 0


class Node(_Answer):
    """One machine of the fleet as the master sees it; times are UTC."""

    name: str
    state: str
    reason: str | None = None
    workers: int = 0
    workers_detail: tuple[NodeWorker, ...] = ()
    agent_rss_bytes: int = 0
    """Memory of its agent alone."""
    done: int = 0
    failed: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    address: str | None = None
    host: dict[str, Any] = {}
    pack: str | None = None
    approved: bool = True
    """While false it waits for approval and gets neither pack nor pictures."""
    desired: Literal["", "pause", "drain"] = ""
    """What an operator wants of it; empty: that it works."""
    token: str = ""
    """The id of the token that it joined with."""
    fingerprint: str = ""
    """Of the machine: a keyed hash; empty where the machine has no id."""
    same_host: tuple[str, ...] = ()
    """Only of a single node: others on the same machine, removed ones included."""
    allow_exec: bool = False
    """Whether admins may run commands on it."""
    benchmark_s: float = 0.0
    """What the pack's own benchmark took one of its workers; 0: not known."""
    picture_s: float = 0.0
    """What a picture took one of its workers recently; 0: not known."""
    disk_free_bytes: int = 0
    disk_bytes: int = 0
    """Of the disk with its data folder, told anew when it has changed by a tenth; 0: not known."""

    @property
    def pictures_per_s(self) -> float:
        """What all its workers together can do, as far as it is known; else 0."""
        return self.workers / self.picture_s if self.picture_s else 0.0


NodeSort = Literal[
    "name", "state", "workers", "pictures_per_s", "done", "failed", "last_seen", "pack", "hostname"
]


class NodePage(_Answer):
    """A part of the nodes, in the order that was asked for."""

    nodes: tuple[Node, ...]
    found: int
    """How many there are on all pages."""
    states: dict[str, int]
    """How many of the nodes that the search finds are in each state."""


KeyRole = Literal["user", "operator", "admin"]


class ApiKey(_Answer):
    """What a master knows of an API key; never the key."""

    name: str
    role: KeyRole
    created_at: datetime


class NewApiKey(ApiKey):
    """A key that was just made; nobody can be told it again."""

    key: str


class Session(_Answer):
    """The holder of an API key or of a session."""

    name: str
    """Of the API key."""
    role: KeyRole
    expires_at: datetime | None = None
    """Of a session; None for an API key."""


class NewSession(Session):
    """A session that was just made; nobody can be told its token again."""

    token: str


class SignInLink(_Answer):
    """A way into the console that can be gone once."""

    url: str
    expires_s: float


class AuditEntry(_Answer):
    """One entry of the audit log; `before` is the `sha256` of the entry before it."""

    number: int
    at: datetime
    who: str
    what: str
    node: str
    outcome: str
    detail: str
    before: str
    sha256: str


class AuditVerdict(_Answer):
    """Whether the audit log is as it was written: `broken` is the number of the first entry that is not."""

    entries: int
    """How many are good from the first on."""
    head: str
    """`sha256` of the last of them; note it elsewhere to see later that nothing before was made anew."""
    broken: int | None = None
    reason: str = ""


class Status(_Answer):
    """The service at one glance."""

    version: str
    uptime_s: float
    nodes: dict[str, int]
    """How many nodes are in each state."""
    workers: int
    tasks: dict[str, int]
    """Counts of `waiting`, `running`, `done`, `failed`."""
    people: int
    photos_to_embed: int = 0
    """Photos that wait to be embedded again, because the pack in use has another embedder."""
    pack: str | None = None


class JoinToken(_Answer):
    """What a new node needs to join."""

    token: str
    expires_at: datetime
    id: str = ""
    """Its name in `Node.token` and in the audit log."""
