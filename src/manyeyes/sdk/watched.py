"""What the calls for those who look on answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from manyeyes.sdk.answers import Status


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Alert(_Answer):
    """Something that a person should see to."""

    kind: str
    """As `approval`, `disk-full`; stable, for programs. docs/guides/watching.md lists them."""
    severity: Literal["critical", "warning", "info"]
    node: str = ""
    """Empty where it is not about one node."""
    sentence: str
    what_to_do: str
    since: datetime


class Overview(Status):
    """The service at one glance, with its rates over the last minute."""

    done_per_s: float
    failed_per_s: float
    oldest_waiting_s: float
    """How long the oldest picture has waited that nobody works on; 0 where none waits."""
    alerts: tuple[Alert, ...] | None = None
    """What needs a person, the worst first; None for keys whose role is less than `operator`."""


class History(_Answer):
    """The last hour in buckets, oldest first, since the master's start at most.

    The last bucket ended at `ends_at`, the one before `bucket_s` seconds earlier.
    """

    bucket_s: float
    ends_at: datetime
    done_per_s: tuple[float, ...]
    failed_per_s: tuple[float, ...]
    waiting: tuple[int | None, ...]
    """The most that waited at once; None where nobody looked, as while the master stood still."""
    ready_nodes: tuple[int | None, ...]


class NodeHistory(_Answer):
    """The last hour of one node, in buckets as those of `History`."""

    node: str
    bucket_s: float
    ends_at: datetime
    done_per_s: tuple[float, ...]
    failed_per_s: tuple[float, ...]


class Notice(_Answer):
    """Something of this kind changed: `nodes`, `people`, `pictures`, `keys`, `packs`, `threshold`, `alerts`, `faces`."""

    kind: str


class Setting(_Answer):
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
