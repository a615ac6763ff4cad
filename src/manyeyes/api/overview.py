"""The service as a whole: its figures, the last hour, what needs a person, its settings."""

from __future__ import annotations

from typing import Any, Literal

from manyeyes.api.model import Answer, Moment


class Status(Answer):
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


class Alert(Answer):
    """Something that a person should see to."""

    kind: str
    """As `approval`, `disk-full`; stable, for programs. docs/guides/watching.md lists them."""
    severity: Literal["critical", "warning", "info"]
    node: str = ""
    """Empty where it is not about one node."""
    sentence: str
    what_to_do: str
    since: Moment


class Overview(Status):
    """The service at one glance, with its rates over the last minute."""

    done_per_s: float
    failed_per_s: float
    oldest_waiting_s: float
    """How long the oldest picture has waited that nobody works on; 0 where none waits."""
    alerts: tuple[Alert, ...] | None = None
    """What needs a person, the worst first; null for keys whose role is less than `operator`."""


class History(Answer):
    """The last hour in buckets, oldest first, since the master's start at most.

    The last bucket ended at `ends_at`, the one before `bucket_s` seconds earlier.
    """

    bucket_s: float
    ends_at: Moment
    done_per_s: tuple[float, ...]
    failed_per_s: tuple[float, ...]
    waiting: tuple[int | None, ...]
    """The most that waited at once; null where nobody looked, as while the master stood still."""
    ready_nodes: tuple[int | None, ...]


class NodeHistory(Answer):
    """The last hour of one node, in buckets as those of `History`."""

    node: str
    bucket_s: float
    ends_at: Moment
    done_per_s: tuple[float, ...]
    failed_per_s: tuple[float, ...]


class Notice(Answer):
    """Something of this kind changed: `nodes`, `people`, `pictures`, `keys`, `packs`, `threshold`, `alerts`, `faces`."""

    kind: str


class StreamedNotice(Answer):
    """One line of the stream of notices: a notice, or a sign of life."""

    kind: str = ""
    alive: bool = False


class Setting(Answer):
    """One setting of a master, as it is in force."""

    name: str
    """Of the environment variable."""
    group: str
    value: Any = None
    default: Any = None
    changed: bool = False
    """Whether it is not the default."""
    sentence: str = ""
    """What it does."""


class Settings(Answer):
    """The settings of a master that are in force."""

    settings: tuple[Setting, ...]
