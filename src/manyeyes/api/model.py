"""What all models of the API share, and how it writes moments."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema


class Answer(BaseModel):
    """Something that a master answers; a client ignores fields that only a newer master sends.

    Built at first use, since a command needs few of them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True, defer_build=True)


class Body(BaseModel):
    """Something that a client asks for."""

    model_config = ConfigDict(frozen=True)


def _seconds(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def _milliseconds(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_SCHEMA = WithJsonSchema({"type": "string", "format": "date-time"})
Moment = Annotated[datetime, PlainSerializer(_seconds, return_type=str, when_used="json"), _SCHEMA]
"""UTC, as 2026-11-27T08:00:00+00:00."""
LogMoment = Annotated[datetime, PlainSerializer(_milliseconds, return_type=str, when_used="json"), _SCHEMA]
"""UTC, as 2026-11-27T08:00:00.123Z."""
