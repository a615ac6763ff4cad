"""Blocking versions of the client's groups of calls; arguments, answers and errors are those of the groups."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from manyeyes.api.people import Merge, MergePreview, Person, PersonNow
from manyeyes.api.recent import Latest
from manyeyes.api.unknown_faces import Retention, Unknown
from manyeyes.api.videos import LatestVideos
from manyeyes.results import Result
from manyeyes.sdk.faces import Faces
from manyeyes.sdk.merges import PeopleMerges
from manyeyes.sdk.portraits import Portraits, SmallPicture
from manyeyes.sdk.recent import RecentPictures

_T = TypeVar("_T")


class Run(Protocol):
    """Runs a coroutine on the client's event loop."""

    def __call__(self, call: Coroutine[Any, Any, _T]) -> _T:
        """Wait for the coroutine and return its result."""
        ...


class BlockingFaces:
    """`Faces` for code without an event loop; made by `Client.faces`."""

    def __init__(self, faces: Faces, run: Run) -> None:
        self._faces = faces
        self._run = run

    def retention(self) -> Retention:
        """See `Faces.retention`."""
        return self._run(self._faces.retention())

    def keep(self, for_s: float | None) -> Retention:
        """See `Faces.keep`."""
        return self._run(self._faces.keep(for_s))

    def unknown(self, limit: int = 100) -> Unknown:
        """See `Faces.unknown`."""
        return self._run(self._faces.unknown(limit))

    def image(self, face_id: int) -> SmallPicture:
        """See `Faces.image`."""
        return self._run(self._faces.image(face_id))

    def name(self, group_id: int, name: str, face_ids: Sequence[int] = ()) -> Person:
        """See `Faces.name`."""
        return self._run(self._faces.name(group_id, name, face_ids))

    def dismiss(self, group_id: int) -> int:
        """See `Faces.dismiss`."""
        return self._run(self._faces.dismiss(group_id))


class BlockingPortraits:
    """`Portraits` for code without an event loop; made by `Client.portraits`."""

    def __init__(self, portraits: Portraits, run: Run) -> None:
        self._portraits = portraits
        self._run = run

    def of_person(self, name: str) -> SmallPicture:
        """See `Portraits.of_person`."""
        return self._run(self._portraits.of_person(name))

    def of_photo(self, photo_id: int) -> SmallPicture:
        """See `Portraits.of_photo`."""
        return self._run(self._portraits.of_photo(photo_id))


class BlockingPeopleMerges:
    """`PeopleMerges` for code without an event loop; made by `Client.merges`."""

    def __init__(self, merges: PeopleMerges, run: Run) -> None:
        self._merges = merges
        self._run = run

    def preview(self, name: str, into: str) -> MergePreview:
        """See `PeopleMerges.preview`."""
        return self._run(self._merges.preview(name, into))

    def all(self) -> list[Merge]:
        """See `PeopleMerges.all`."""
        return self._run(self._merges.all())

    def undo(self, merge_id: int) -> Person:
        """See `PeopleMerges.undo`."""
        return self._run(self._merges.undo(merge_id))

    def names(self, person_ids: Sequence[str]) -> dict[str, PersonNow | None]:
        """See `PeopleMerges.names`."""
        return self._run(self._merges.names(person_ids))


class BlockingRecentPictures:
    """`RecentPictures` for code without an event loop; made by `Client.recent`."""

    def __init__(self, recent: RecentPictures, run: Run) -> None:
        self._recent = recent
        self._run = run

    def latest(self) -> Latest:
        """See `RecentPictures.latest`."""
        return self._run(self._recent.latest())

    def videos(self) -> LatestVideos:
        """See `RecentPictures.videos`."""
        return self._run(self._recent.videos())

    def result(self, picture_id: str) -> Result:
        """See `RecentPictures.result`."""
        return self._run(self._recent.result(picture_id))

    def image(self, picture_id: str) -> SmallPicture:
        """See `RecentPictures.image`."""
        return self._run(self._recent.image(picture_id))
