"""The service as a whole: its figures, the last hour, what needs a person, its settings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from manyeyes.api.model import Answer, Moment

Severity = Literal["critical", "warning", "info"]
NoticeKind = Literal["nodes", "people", "pictures", "keys", "packs", "threshold", "alerts", "faces"]
"""What may change."""


class Status(Answer):
    """The service at one glance."""

    version: str
    """Of the master."""
    uptime_s: float
    """Since the master's start."""
    nodes: dict[str, int]
    """How many nodes are in each state."""
    workers: int
    """Of all nodes that take pictures."""
    tasks: dict[str, int]
    """Counts of `waiting`, `running`, and since the start `done` and `failed`; a picture that was refused as it is, as a
    damaged one, has failed."""
    people: int
    """How many are enrolled."""
    photos_to_embed: int = 0
    """Photos that wait to be embedded again, because the pack in use has another embedder."""
    pack: str | None = None
    """Name and version of the one in use."""


class Alert(Answer):
    """Something that a person should see to."""

    kind: str
    """As `approval`, `disk-full`; stable, for programs. docs/guides/watching.md lists them."""
    severity: Severity
    """How soon a person should see to it."""
    node: str = ""
    """Empty where it is not about one node."""
    sentence: str
    """What is wrong."""
    what_to_do: str
    """What helps."""
    since: Moment
    """When it was first noticed."""


class Overview(Status):
    """The service at one glance, with its rates over the last minute."""

    done_per_s: float
    """Pictures that ended with a result."""
    failed_per_s: float
    """Pictures that ended with an error."""
    oldest_waiting_s: float
    """How long the oldest waiting picture has waited for a node; 0 if none waits."""
    failures: dict[str, int] = Field(default_factory=dict)
    """How many pictures failed since the start, by the code of the error, the most first."""
    alerts: tuple[Alert, ...] | None = None
    """What needs a person, the worst first; null for keys whose role is less than `operator`."""


class History(Answer):
    """The last hour in buckets, oldest first, since the master's start at most.

    The last bucket ended at `ends_at`, the one before `bucket_s` seconds earlier.
    """

    bucket_s: float
    """How long a bucket is."""
    ends_at: Moment
    """The end of the last bucket."""
    done_per_s: tuple[float, ...]
    """Pictures that ended with a result."""
    failed_per_s: tuple[float, ...]
    """Pictures that ended with an error."""
    waiting: tuple[int | None, ...]
    """The most that waited at once; null where nothing was measured, as while the master was suspended."""
    ready_nodes: tuple[int | None, ...]
    """Nodes that took pictures at the end of the bucket; null as for `waiting`."""
    latency_s: tuple[float | None, ...] = ()
    """The mean time from a picture's arrival to its result; null where none was done."""
    cpu_share: tuple[float | None, ...] = ()
    """How busy the processors of the nodes' machines were, 0 to 1, the mean of the machines; null where none told."""
    memory_share: tuple[float | None, ...] = ()
    """How much of the memory of the nodes' machines was in use, as `cpu_share`."""


class NodeHistory(Answer):
    """The last hour of one node, in buckets as those of `History`."""

    node: str
    """Its name."""
    bucket_s: float
    """How long a bucket is."""
    ends_at: Moment
    """The end of the last bucket."""
    done_per_s: tuple[float, ...]
    """Pictures that it ended with a result."""
    failed_per_s: tuple[float, ...]
    """Pictures that it ended with an error."""
    cpu_share: tuple[float | None, ...] = ()
    """How busy its machine's processor was, 0 to 1; null where it did not tell."""
    memory_share: tuple[float | None, ...] = ()
    """How much of its machine's memory was in use, as `cpu_share`."""


class Notice(Answer):
    """Something of this kind changed: `nodes`, `people`, `pictures`, `keys`, `packs`, `threshold`, `alerts`, `faces`."""

    kind: str


class StreamedNotice(Answer):
    """One line of the stream of notices: a notice, or a sign of life."""

    kind: str = ""
    """What changed."""
    alive: bool = False
    """Nothing changed, and the stream goes on."""


class Setting(Answer):
    """One setting of a master, as it is in force."""

    name: str
    """Of the environment variable."""
    group: str
    """Settings of one group belong together."""
    value: Any = None
    """The one in force."""
    default: Any = None
    """The one without the environment variable."""
    changed: bool = False
    """Whether it is not the default."""
    sentence: str = ""
    """What it does."""


class Settings(Answer):
    """The settings of a master that are in force."""

    settings: tuple[Setting, ...]
    """All of them, in groups."""
