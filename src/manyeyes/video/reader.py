"""Stills of one video, forward, with one decoder: memory does not grow with the video's length."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from manyeyes.errors import DamagedPicture
from manyeyes.spans import clock
from manyeyes.video.decoder import Decoder, Shown, jpeg_of

_SOON_S = 2.0
"""Up to so far ahead, decoding on is as quick as a seek; more for videos whose key frames are further apart."""
_CLOSE_S = 0.5
"""The last frame stands for so long after its end: sound is often a little longer than pictures."""
_ROUNDING_S = 1e-3
_JPEG_QUANTISER = 3
"""With 3 a still has about a tenth of the bytes of its pixels."""


def is_installed() -> bool:
    """Whether PyAV is there and can be loaded."""
    try:
        import av  # noqa: F401
    except ImportError:
        return False
    return True


class Video:
    """An open video.

    Args:
        path: of a file that is a video by its first bytes (`sniff.is_video`).

    Raises:
        FileTrouble, NotAPicture, UnsupportedFormat, DamagedPicture: as `Decoder` does.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ends_s: float | None = None
        """When its last frame ends; known once a still behind the end was wanted."""
        self._decoder = Decoder(path)
        self._shown: Shown | None = None
        self._ahead: Shown | None = None
        self._damages = 0
        """Of the decoder, when it came to the frame that is shown."""
        self._soon_s = _SOON_S
        self._can_seek = True
        duration_s = self._decoder.stated_duration_s()
        if duration_s is None:
            duration_s = self._decoder.counted_duration_s()
            self._restart()
        self.duration_s = duration_s
        """As its file states; counted where it does not."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._decoder.close()

    @property
    def is_cut(self) -> bool:
        """Whether it ended well before the end that its file states."""
        return self.ends_s is not None and self.duration_s - self.ends_s > max(2.0, 0.02 * self.duration_s)

    def still(self, time_s: float) -> bytes | None:
        """The frame that a player shows at a time, upright and with square pixels, as a JPEG.

        Times that rise are quick; each other time begins anew.

        Returns:
            None if the video has ended before.

        Raises:
            DamagedPicture: nothing could be decoded there.
        """
        self._come_near(time_s)
        while self._ahead is not None and (self._shown is None or self._ahead.from_s <= time_s + _ROUNDING_S):
            self._shown, self._damages = self._ahead, self._decoder.damages
            self._ahead = self._decoder.next()
        shown = self._shown
        if self._ahead is None:
            self.ends_s = shown.until_s if shown else 0.0
            if time_s > self.ends_s + _CLOSE_S:
                return None
        if shown is None or (self._decoder.damages > self._damages and time_s > shown.until_s + _CLOSE_S):
            raise DamagedPicture(
                f"{self.path}: nothing can be decoded at {clock(time_s, exact=True)}; the file is damaged there"
            )
        return jpeg_of(shown.frame, self._decoder.pixel_shape, _JPEG_QUANTISER)

    def _come_near(self, time_s: float) -> None:
        """Seek where that is quicker than to decode on."""
        if self._shown is not None and time_s < self._shown.from_s:
            self._restart()
        latest = self._ahead or self._shown
        at_s = latest.from_s if latest else 0.0
        at_end = self._shown is not None and self._ahead is None
        if self._can_seek and not at_end and time_s - at_s > self._soon_s:
            self._seek(time_s, at_s)
        elif latest is None:
            self._ahead = self._decoder.next()

    def _seek(self, time_s: float, at_s: float) -> None:
        landed = self._decoder.next() if self._decoder.seek(time_s) else None
        if landed is None or landed.from_s > time_s + _ROUNDING_S:
            self._can_seek = False  # no seek leads there: decode all of it
            self._restart()
            landed = self._decoder.next()
        elif self._shown is not None and landed.from_s <= at_s:
            self._soon_s = 2 * (time_s - at_s)
        self._shown, self._ahead = None, landed

    def _restart(self) -> None:
        self._decoder.close()
        self._decoder = Decoder(self.path)
        self._shown = self._ahead = None
