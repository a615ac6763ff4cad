"""The last answered pictures."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from manyeyes.sdk.parsing import parsed_list
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


class RecentPictures:
    """Made by `AsyncClient.recent`; operators see all pictures, users those of their own key."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def list(self) -> list[RecentPicture]:
        """The last answered pictures, newest first; under load only some, at most 2 a second."""
        return parsed_list(RecentPicture, await self._call("GET", "/v1/recent"), "pictures")

    async def image(self, picture_id: str) -> SmallPicture:
        """The predicted picture of one, a JPEG of at most 640 px.

        Raises:
            EntryNotFound: it is forgotten already, or has no picture.
        """
        return small_picture(await self._call("GET", f"/v1/recent/{picture_id}/image"))
