"""Small pictures: the faces of people as enrolment keeps them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx

Call = Callable[..., Awaitable[httpx.Response]]


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


def quoted_name(name: str) -> str:
    """A person's name as a part of a URL."""
    # A name of dots only would be taken for a relative path segment even when quoted.
    quoted = quote(name, safe="")
    return quoted.replace(".", "%2E") if not name.strip(".") else quoted


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
