"""The last answered pictures."""

from __future__ import annotations

from manyeyes.api.model import Answer, Moment


class RecentPicture(Answer):
    """An answered picture."""

    id: str
    """Names it in other calls."""
    at: Moment
    """When it was answered."""
    who: str
    """The name of the API key that sent it."""
    task_id: str
    """As in its result."""
    trace_id: str = ""
    """As in its result."""
    faces: int
    """How many were found."""
    names: tuple[str, ...]
    """At most 50 of the names given."""
    too_small: int = 0
    """How many of the faces are too small to name."""
    width_px: int
    """Of the picture that was sent."""
    height_px: int
    """Of the picture that was sent."""
    ms: float
    """From its arrival to its answer."""
    has_image: bool
    """Whether its predicted picture can be fetched, small."""


class Latest(Answer):
    """The last answered pictures, newest first."""

    pictures: tuple[RecentPicture, ...]
    """Those that the caller may see."""
    most: int
    """How many are kept; 0: the master was told to keep none."""
