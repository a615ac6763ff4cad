"""The last answered pictures."""

from __future__ import annotations

from manyeyes.api.recent import Latest
from manyeyes.sdk.calls import Call
from manyeyes.sdk.parsing import parsed
from manyeyes.sdk.portraits import SmallPicture, small_picture


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
