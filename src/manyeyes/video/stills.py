"""The stills of a video, for programs: each as a JPEG, with what `recognize` passes on to the master."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from manyeyes.api.videos import MAX_VIDEO_CHARACTERS, Still
from manyeyes.errors import DamagedPicture
from manyeyes.plain_text import utf8
from manyeyes.spans import clock
from manyeyes.video.reader import Video
from manyeyes.video.times import DEFAULT_EVERY_S, Times
from manyeyes.wording import several


@dataclass(frozen=True)
class StillPicture:
    """One still: the frame that a player shows at that time."""

    jpeg: bytes
    still: Still
    """Which one it is: `client.recognize(one.jpeg, still=one.still)`."""

    @property
    def time_s(self) -> float:
        """When it is shown, from the start of the video."""
        return self.still.time_s


def stills(
    path: str | Path, *, every_s: float = DEFAULT_EVERY_S, from_s: float = 0.0, to_s: float = math.inf
) -> Iterator[StillPicture]:
    """Decode stills of a video, one after the other; memory does not grow with its length. Needs `manyeyes[video]`.

    Args:
        every_s: the time from one still to the next, in seconds of the video.
        from_s: the time of the first one.
        to_s: stills are taken until before this time; at the latest until the end of the video.

    Raises:
        FileTrouble: it cannot be read, or PyAV is missing.
        NotAPicture, UnsupportedFormat, DamagedPicture: it is no video that can be decoded here.
        DamagedPicture: after the last still, if some could not be decoded or the video is cut off.
        BadRequest: the times make no sense.
    """
    times, path = Times(every_s, from_s, to_s), Path(path)
    missing = 0
    with Video(path) as video:
        name, video_id = utf8(path.name)[-MAX_VIDEO_CHARACTERS:], id_of(path)
        for time_s in times.each(video.duration_s):
            try:
                jpeg = video.still(time_s)
            except DamagedPicture:
                missing += 1
                continue
            if jpeg is None:
                break
            still = Still(video=name, time_s=time_s, every_s=every_s, video_id=video_id)
            yield StillPicture(jpeg, still)
        if video.is_cut:
            raise cut_off(video, Times(every_s, time_s, to_s))
    if missing:
        raise DamagedPicture(
            f"{path}: {several(missing, 'still')} could not be decoded; the file is damaged there"
        )


def id_of(path: Path) -> str:
    """Tells videos of one name apart: another one, or a changed one, has another id. Raises OSError."""
    facts = path.stat()
    text = f"{os.path.realpath(path)} {facts.st_size} {facts.st_mtime_ns}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def cut_off(video: Video, left_out: Times) -> DamagedPicture:
    """The error for a video that has ended before `left_out`."""
    count = left_out.count(video.duration_s)
    return DamagedPicture(
        f"{video.path} ends at {clock(round(video.ends_s or 0))}, though it states {clock(video.duration_s)}: it is cut off or "
        f"damaged; {several(count, 'still')} of its end {'is' if count == 1 else 'are'} missing"
    )
