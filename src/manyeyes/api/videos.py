"""Stills of a video: which one a picture is, and who is seen in the video from when to when."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from manyeyes.api.model import Answer, Body, Moment

MAX_VIDEO_CHARACTERS, MAX_ID_CHARACTERS = 1000, 100
MAX_VIDEO_S = 1e6
"""Eleven days."""


class Still(Body):
    """Says that a picture is a still of a video."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    video: str = Field(min_length=1, max_length=MAX_VIDEO_CHARACTERS)
    """The video's name, as it is to be shown."""
    time_s: float = Field(ge=0, le=MAX_VIDEO_S)
    """When it is shown, from the start of the video."""
    every_s: float = Field(default=2.0, gt=0, le=MAX_VIDEO_S)
    """The time from one still of this video to the next."""
    video_id: str = Field(default="", max_length=MAX_ID_CHARACTERS)
    """Tells videos of one name apart; any text that is the same for all stills of the video."""


class TimeSpan(Answer):
    """A time without a break; both ends are times of stills."""

    from_s: float
    """Of the first still that shows the person."""
    to_s: float
    """Of the last one."""


class Seen(Answer):
    """One person's times in a video."""

    name: str | None
    """Null: all faces without a name."""
    person_id: str | None = None
    """As in the results."""
    stills: int
    """How many show the person."""
    spans: tuple[TimeSpan, ...]
    """From when to when."""


class RecentVideo(Answer):
    """A video of which stills were answered."""

    id: str
    """Tells it from others in the list."""
    at: Moment
    """When its last still was answered."""
    who: str
    """The name of the API key that sent it."""
    video: str
    """Its name, as its sender gave it."""
    every_s: float
    """The time from one still to the next."""
    stills: int
    """How many were answered."""
    from_s: float
    """The time of the first one."""
    to_s: float
    """The time of the last one."""
    people: tuple[Seen, ...]
    """By the time at which they are first seen, faces without a name last."""


class LatestVideos(Answer):
    """The videos of which stills were answered within the last hour, newest first."""

    videos: tuple[RecentVideo, ...]
    """Those that the caller may see."""
    most: int
    """How many are kept; 0: the master was told to keep no recent pictures."""
