"""Videos among what is sent: their stills as sources, decoded one after the other just before they are sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from manyeyes.api.videos import MAX_VIDEO_CHARACTERS, Still
from manyeyes.cli.sending.source import Source
from manyeyes.errors import FileTrouble, ManyeyesError
from manyeyes.local_files import unreadable
from manyeyes.plain_text import utf8
from manyeyes.recognition.pictures.first_bytes import head_of
from manyeyes.recognition.pictures.sniff import is_video
from manyeyes.video.decoder import INSTALL
from manyeyes.video.reader import Video, is_installed
from manyeyes.video.stills import cut_off, id_of
from manyeyes.video.times import Times, still_name
from manyeyes.wording import listed

_MOST_NAMED = 5


def is_video_file(path: Path) -> bool:
    """Whether a regular file is a video by its first bytes; False if it cannot be read."""
    try:
        return path.is_file() and is_video(head_of(path))
    except OSError:
        return False


def check_videos(paths: list[Path]) -> None:
    """Find videos that are named as arguments where nothing can decode them, before anything is sent.

    Raises:
        FileTrouble: there are some; the message says what to install.
    """
    videos = [path for path in paths if is_video_file(path)]
    if videos and not is_installed():
        are, names = ("is a video", str(videos[0])) if len(videos) == 1 else ("are videos", "")
        names = names or listed([str(path) for path in videos], _MOST_NAMED)
        raise FileTrouble(
            f"{names} {are}; to send stills of a video, PyAV is needed, which is not installed here: {INSTALL}; "
            "nothing was sent"
        )


def stills_of(video: Source, times: Times) -> Iterator[Source]:
    """A source for each still of a video; nothing is decoded yet. A video that cannot be used is one with its trouble."""
    try:
        with Video(video.path) as opened:
            duration_s = opened.duration_s
        video_id = id_of(video.path)
    except ManyeyesError as error:
        yield replace(video, trouble=error)
        return
    except OSError as error:
        yield replace(video, trouble=unreadable(video.path, error))
        return
    name = utf8(video.relative)[-MAX_VIDEO_CHARACTERS:]
    for time_s in times.each(duration_s):
        still = Still.model_construct(video=name, time_s=time_s, every_s=times.every_s, video_id=video_id)
        yield replace(video, relative=f"{video.relative}/{still_name(time_s)}", still=still)


def count_stills(path: Path, times: Times) -> int:
    """How many sources `stills_of` yields; opens the video, and decodes nothing."""
    try:
        with Video(path) as opened:
            return times.count(opened.duration_s)
    except ManyeyesError:
        return 1


class StillReader:
    """Decodes stills one after the other, in any thread. One video is open at a time."""

    def __init__(self) -> None:
        self._decoding = threading.Lock()
        self._closed = False
        self._video: Video | None = None
        self._ended = False

    def close(self) -> None:
        """Close the open video, once no thread decodes it any more; nothing is decoded after that."""
        with self._decoding:
            self._closed = True
            self._leave()

    def ready(self, source: Source) -> Source | None:
        """The source with its still decoded, or with why it cannot be; None if the video has ended before.

        The first still behind the end of a video that is cut off says so, for all that follow.
        """
        if source.still is None or source.trouble is not None:
            return source
        with self._decoding:
            return None if self._closed else self._decoded(source, source.still)

    def _decoded(self, source: Source, still: Still) -> Source | None:
        try:
            video = self.opened(source.path)
            if self._ended:
                return None
            content = video.still(still.time_s)
        except ManyeyesError as error:
            return replace(source, trouble=error)
        if content is not None:
            return replace(source, content=content)
        self._ended = True
        return (
            replace(source, trouble=cut_off(video, Times(still.every_s, still.time_s)))
            if video.is_cut
            else None
        )

    def opened(self, path: Path) -> Video:
        """The video, opened if another one was open. Raises as `Video` does."""
        if self._video is None or self._video.path != path:
            self._leave()
            self._video, self._ended = Video(path), False
        return self._video

    def _leave(self) -> None:
        if self._video is not None:
            self._video.close()
            self._video = None
