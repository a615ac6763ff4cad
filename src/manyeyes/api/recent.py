"""The last answered pictures."""

from __future__ import annotations

from manyeyes.api.model import Answer, Moment


class RecentPicture(Answer):
    """An answered picture."""

    id: str
    at: Moment
    who: str
    """The name of the API key that sent it."""
    task_id: str
    trace_id: str = ""
    faces: int
    names: tuple[str, ...]
    """At most 50 of the names given."""
    width_px: int
    height_px: int
    ms: float
    """From its arrival to its answer."""
    has_image: bool
    """Whether its predicted picture can be fetched, small."""


class Latest(Answer):
    """The last answered pictures, newest first."""

    pictures: tuple[RecentPicture, ...]
    most: int
    """How many are kept; 0: the master was told to keep none."""
