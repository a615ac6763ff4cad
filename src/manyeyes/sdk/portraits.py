"""Small pictures: the faces of people as enrolment keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from manyeyes.sdk.calls import Call
from manyeyes.sdk.urls import quoted_name


@dataclass(frozen=True)
class SmallPicture:
    """An encoded picture; `etag` changes with its content."""

    content: bytes = field(repr=False)
    media_type: str
    """`image/jpeg` or `image/webp`."""
    etag: str


def small_picture(response: httpx.Response) -> SmallPicture:
    """What an answer holds."""
    media_type = response.headers.get("Content-Type", "").partition(";")[0]
    return SmallPicture(response.content, media_type, response.headers.get("ETag", ""))


class Portraits:
    """Made by `AsyncClient.portraits`; all calls need the role `operator`."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def of_person(self, name: str) -> SmallPicture:
        """The best portrait kept of a person.

        Raises:
            PersonNotFound: nobody of that name is enrolled.
            EntryNotFound: no picture of them was kept.
        """
        return small_picture(await self._call("GET", f"/v1/people-portraits/{quoted_name(name)}"))

    async def of_photo(self, photo_id: int) -> SmallPicture:
        """The portrait kept of an enrolled photo.

        Raises:
            EntryNotFound: there is no such photo, or no picture of it was kept.
        """
        return small_picture(await self._call("GET", f"/v1/people-photos/{photo_id}/image"))
