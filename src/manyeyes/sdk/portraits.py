"""Portraits: small pictures of people's faces, stored at enrolment."""

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
    """Read the picture from an HTTP answer."""
    media_type = response.headers.get("Content-Type", "").partition(";")[0]
    return SmallPicture(response.content, media_type, response.headers.get("ETag", ""))


class Portraits:
    """Reads portraits; made by `AsyncClient.portraits`. All calls need the role `operator`."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def of_person(self, name: str) -> SmallPicture:
        """The best portrait that is stored of a person.

        Raises:
            PersonNotFound: nobody of that name is enrolled.
            EntryNotFound: no portrait of the person is stored.
        """
        return small_picture(await self._call("GET", f"/v1/people-portraits/{quoted_name(name)}"))

    async def of_photo(self, photo_id: int) -> SmallPicture:
        """The portrait that is stored of an enrolled photo.

        Raises:
            EntryNotFound: there is no such photo, or no portrait of it is stored.
        """
        return small_picture(await self._call("GET", f"/v1/people-photos/{photo_id}/image"))
