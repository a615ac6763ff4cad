"""The last answered pictures: in memory only, few, and not for long. Under load some are left out: after the first

ones at most `PER_S` a second are listed, and nodes make thumbnails only for those.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from manyeyes.errors import EntryNotFound
from manyeyes.face_results import FaceOutcome
from manyeyes.faces.crops import thumbnail_of
from manyeyes.monitoring.recent_videos import RecentVideos
from manyeyes.results import Result
from manyeyes.store.timestamps import now_iso

LONGEST_S = 3600.0
PER_S = 2.0
_MOST_NAMES = 50
_MOST_PENDING, _PENDING_S = 32, 60.0
"""Thumbnails of pictures that are not answered yet, or whose sender is gone."""


@dataclass(frozen=True)
class RecentPicture:
    """An answered picture; `ms` from its arrival to its answer, `who` the name of the API key."""

    id: str
    at: str
    who: str
    task_id: str
    trace_id: str
    faces: int
    names: tuple[str, ...]
    too_small: int
    width_px: int
    height_px: int
    ms: float
    seen_s: float
    result: Result = field(repr=False)
    thumbnail: bytes = field(repr=False)
    """A JPEG, empty where no predicted picture was asked for."""


class Recent:
    """Of one master.

    Args:
        most: how many are kept; 0: none.
        clock: seconds that only rise.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self.videos = RecentVideos(most, clock)
        self._clock = clock
        self._pictures: OrderedDict[str, RecentPicture] = OrderedDict()
        self._pending: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._left = float(most)
        self._counted_at = clock()

    def wants(self) -> bool:
        """Whether to list the picture that has just arrived."""
        now = self._clock()
        self._left = min(float(self.most), self._left + (now - self._counted_at) * PER_S)
        self._counted_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def thumbnail(self, outcome: FaceOutcome) -> None:
        """A node's outcome brings a thumbnail; the picture is `added` when its sender is answered."""
        if self.most and (content := thumbnail_of(outcome)):
            self._pending[outcome.task_id] = self._clock(), content
            while len(self._pending) > _MOST_PENDING:
                self._pending.popitem(last=False)

    def add(self, task_id: str, result: Result, who: str, ms: float) -> None:
        """A picture was answered; answered once more to a repeated key, it is not listed again."""
        if any(picture.task_id == task_id for picture in self._pictures.values()):
            return
        names = tuple(face.name for face in result.faces if face.name is not None)
        picture = RecentPicture(
            id=secrets.token_hex(8),
            at=now_iso(),
            who=who,
            task_id=task_id,
            trace_id=result.trace_id,
            faces=len(result.faces),
            names=names[:_MOST_NAMES],
            too_small=sum(face.too_small is not None for face in result.faces),
            width_px=result.width_px,
            height_px=result.height_px,
            ms=round(ms, 1),
            seen_s=self._clock(),
            result=result,
            thumbnail=self._pending.pop(task_id, (0.0, b""))[1],
        )
        self._pictures[picture.id] = picture
        while len(self._pictures) > self.most:
            self._pictures.popitem(last=False)

    def tick(self) -> None:
        """Forget what is older than an hour."""
        now = self._clock()
        while self._pictures and next(iter(self._pictures.values())).seen_s < now - LONGEST_S:
            self._pictures.popitem(last=False)
        while self._pending and next(iter(self._pending.values()))[0] < now - _PENDING_S:
            self._pending.popitem(last=False)
        self.videos.tick()

    def forget(self, who: str) -> None:
        """Remove the pictures of a revoked key; another key may get its name."""
        for picture in [picture for picture in self._pictures.values() if picture.who == who]:
            del self._pictures[picture.id]
        self.videos.forget(who)

    def listed(self, who: str | None = None) -> list[RecentPicture]:
        """The pictures, newest first; only those of one key where one is named."""
        self.tick()
        return [picture for picture in reversed(self._pictures.values()) if who in (None, picture.who)]

    def picture(self, picture_id: str, who: str | None = None) -> bytes:
        """The JPEG of one; raises EntryNotFound where there is none, or none for that key to see."""
        if not (thumbnail := self._one(picture_id, who).thumbnail):
            raise _gone()
        return thumbnail

    def result(self, picture_id: str, who: str | None = None) -> Result:
        """The result of one, as its sender got it; raises EntryNotFound as `picture` does."""
        return self._one(picture_id, who).result

    def _one(self, picture_id: str, who: str | None) -> RecentPicture:
        for one in self.listed(who):
            if one.id == picture_id:
                return one
        raise _gone()


def _gone() -> EntryNotFound:
    return EntryNotFound("this recent picture is gone; ask for the list again")
