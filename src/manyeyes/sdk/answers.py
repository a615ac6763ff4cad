"""What the client's calls answer, beside `Result`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from manyeyes.results import Result


@dataclass(frozen=True)
class Prediction:
    """One picture's answer: the faces, and the predicted picture when it was asked for."""

    result: Result
    picture: bytes | None = None
    """The encoded picture with its boxes drawn."""
    media_type: str | None = None
    """Of `picture`, as `image/jpeg`."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Person(_Answer):
    """Somebody enrolled."""

    name: str
    photos: int
    added_at: datetime | None = None
    warnings: tuple[str, ...] = ()
    """Only from enrolling: photos that were taken with a reservation."""


class Node(_Answer):
    """One machine of the fleet as the master sees it; times are UTC."""

    name: str
    state: str
    reason: str | None = None
    workers: int = 0
    done: int = 0
    failed: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    address: str | None = None
    host: dict[str, Any] = {}
    pack: str | None = None


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
    pack: str | None = None


class JoinToken(_Answer):
    """What a new node needs to join."""

    token: str
    expires_at: datetime
