"""The last answered pictures."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from manyeyes.sdk.parsing import parsed
from manyeyes.sdk.portraits import Call, SmallPicture, small_picture


class RecentPicture(BaseModel):
    """An answered picture."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    at: datetime
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


class Latest(BaseModel):
    """The last answered pictures, newest first."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pictures: tuple[RecentPicture, ...]
    most: int
    """How many are kept; 0: the master was told to keep none."""


class RecentPictures:
    """Made by `AsyncClient.recent`; operators see all pictures, users those of their own key."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def latest(self) -> Latest:
        """The last answered pictures; under load only some, at most 2 a second."""
        return parsed(Latest, (await self._call("GET", "/v1/recent")).content)

    async def image(self, picture_id: str) -> SmallPicture:
        """The predicted picture of one, a JPEG of at most 640 px.

        Raises:
            EntryNotFound: it is forgotten already, or has no picture.
        """
        return small_picture(await self._call("GET", f"/v1/recent/{picture_id}/image"))
