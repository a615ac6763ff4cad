"""The last answered pictures."""

from __future__ import annotations

from manyeyes.api.recent import Latest
from manyeyes.api.videos import LatestVideos
from manyeyes.results import Result
from manyeyes.sdk.calls import Call
from manyeyes.sdk.parsing import parsed
from manyeyes.sdk.portraits import SmallPicture, small_picture


class RecentPictures:
    """Reads recent pictures; made by `AsyncClient.recent`. Operators see all pictures, users those of their own key."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def latest(self) -> Latest:
        """The last answered pictures; under load only some of them, at most 2 per second."""
        return parsed(Latest, (await self._call("GET", "/v1/recent")).content)

    async def videos(self) -> LatestVideos:
        """The videos of which stills were answered within the last hour, with who is seen from when to when."""
        return parsed(LatestVideos, (await self._call("GET", "/v1/recent-videos")).content)

    async def result(self, picture_id: str) -> Result:
        """The result of a recent picture, as its sender got it.

        Raises:
            EntryNotFound: the picture is no longer kept.
        """
        return parsed(Result, (await self._call("GET", f"/v1/recent/{picture_id}")).content)

    async def image(self, picture_id: str) -> SmallPicture:
        """The predicted picture of a recent picture: a JPEG whose longer side is at most 640 px.

        Raises:
            EntryNotFound: the picture is no longer kept, or has no predicted picture.
        """
        return small_picture(await self._call("GET", f"/v1/recent/{picture_id}/image"))
