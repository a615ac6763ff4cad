"""Of which videos stills were answered lately, and who was seen when: in memory only, times and names, no pictures."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from manyeyes.api.videos import RecentVideo, Still
from manyeyes.results import Result
from manyeyes.spans import Who, timeline
from manyeyes.store.timestamps import now_iso

LONGEST_S = 3600.0
MOST_STILLS = 50_000
"""Of all videos together, some 10 MB; then the videos that had no still for longest are forgotten."""
_MOST_PEOPLE = 50
"""On one still; the rest is left out."""


@dataclass
class _Video:
    id: str
    who: str
    name: str
    every_s: float
    at: str = ""
    seen_s: float = 0.0
    stills: dict[float, tuple[Who, ...]] = field(default_factory=dict)
    shown: RecentVideo | None = None
    """As it was listed since its last still."""


class RecentVideos:
    """Of one master.

    Args:
        most: how many videos are kept; 0: none.
        clock: seconds that only rise.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._clock = clock
        self._videos: OrderedDict[tuple[str, str, str], _Video] = OrderedDict()
        self._stills = 0

    def add(self, still: Still, result: Result, who: str) -> None:
        """A still was answered; one that comes again counts once, with its latest answer."""
        if not self.most:
            return
        key = who, still.video, still.video_id
        video = self._videos.setdefault(key, _Video(secrets.token_hex(8), who, still.video, still.every_s))
        self._videos.move_to_end(key)
        self._stills += still.time_s not in video.stills
        people = dict.fromkeys((face.person_id, face.name) for face in result.faces if not face.too_small)
        video.stills[still.time_s] = tuple(people)[:_MOST_PEOPLE]
        video.every_s, video.at, video.seen_s, video.shown = still.every_s, now_iso(), self._clock(), None
        while len(self._videos) > self.most or (self._stills > MOST_STILLS and len(self._videos) > 1):
            self._drop(next(iter(self._videos)))
        if self._stills > MOST_STILLS:  # one video alone
            del video.stills[next(iter(video.stills))]
            self._stills -= 1

    def tick(self) -> None:
        """Forget what is older than an hour."""
        while self._videos and next(iter(self._videos.values())).seen_s < self._clock() - LONGEST_S:
            self._drop(next(iter(self._videos)))

    def forget(self, who: str) -> None:
        """Remove the videos of a revoked key; another key may get its name."""
        for key in [key for key in self._videos if key[0] == who]:
            self._drop(key)

    def listed(self, who: str | None = None) -> tuple[RecentVideo, ...]:
        """The videos, newest first; only those of one key where one is named."""
        self.tick()
        found = [video for video in reversed(self._videos.values()) if who in (None, video.who)]
        return tuple(map(_shown, found))

    def _drop(self, key: tuple[str, str, str]) -> None:
        self._stills -= len(self._videos.pop(key).stills)


def _shown(video: _Video) -> RecentVideo:
    if video.shown is None:
        video.shown = _made(video)
    return video.shown


def _made(video: _Video) -> RecentVideo:
    return RecentVideo.model_validate(
        {
            "id": video.id,
            "at": video.at,
            "who": video.who,
            "video": video.name,
            "every_s": video.every_s,
            "stills": len(video.stills),
            "from_s": min(video.stills),
            "to_s": max(video.stills),
            "people": timeline(video.stills.items(), video.every_s),
        }
    )
