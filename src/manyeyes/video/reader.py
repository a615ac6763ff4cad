"""Decodes stills of one video, forward, with one decoder: memory does not grow with the video's length."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from manyeyes.errors import DamagedPicture, FileTrouble, ManyeyesError, NotAPicture, UnsupportedFormat
from manyeyes.local_files import unreadable
from manyeyes.timeline import clock

if TYPE_CHECKING:
    from av import VideoFrame

INSTALL = "pip install 'manyeyes[video]'"
_MOST_THREADS = 4
"""Each decoding thread holds frames; of 4K video a frame has 12 MB or more."""
_SOON_S = 2.0
"""Up to so far ahead, decoding on is as quick as a seek; learned anew for videos with few key frames."""
_CLOSE_S = 0.5
_ROUNDING_S = 1e-3
_JPEG_QUANTISER = 3
"""2 is the best and 31 the worst; with 3 a still has a tenth of its pixels' bytes."""


def is_installed() -> bool:
    """Whether PyAV is there and can be loaded."""
    try:
        import av  # noqa: F401
    except ImportError:
        return False
    return True


@dataclass
class _Shown:
    """A frame, from when it is shown, and until when if its file says so."""

    frame: VideoFrame
    from_s: float
    until_s: float


class Video:
    """An open video file.

    Args:
        path: of a file that is a video by its first bytes (`sniff.is_video`).

    Raises:
        FileTrouble: it cannot be read, or PyAV is missing.
        NotAPicture: it has sound only.
        UnsupportedFormat: nothing here can decode it.
        DamagedPicture: it is no video that can be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_damaged = False
        """Whether something could not be decoded so far."""
        self.ends_s: float | None = None
        """When its last frame ends; known at the end."""
        self._open()
        self.duration_s = self._duration_s()
        """As its file says; of a file that does not say it, counted."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._frames.close()
        self._container.close()

    @property
    def is_cut(self) -> bool:
        """Whether it ended well before the end that its file states."""
        return self.ends_s is not None and self.duration_s - self.ends_s > max(2.0, 0.02 * self.duration_s)

    def still(self, time_s: float) -> bytes | None:
        """The frame that a player shows at a time, upright and with square pixels, as a JPEG.

        Returns:
            None if the video has ended before.

        Raises:
            DamagedPicture: nothing could be decoded there.
        """
        self._go_to(time_s)
        while self._ahead is not None and (self._shown is None or self._ahead.from_s <= time_s + _ROUNDING_S):
            self._shown, self._damaged_since = self._ahead, False
            self._ahead = self._next()
        shown = self._shown
        if self._ahead is None:
            self.ends_s = shown.until_s if shown else 0.0
            if shown is None or time_s > self.ends_s + _CLOSE_S:
                return None
        assert shown is not None
        if self._damaged_since and time_s > shown.until_s + _CLOSE_S:
            raise DamagedPicture(
                f"{self.path}: nothing can be decoded at {clock(time_s, exact=True)}; the file is damaged there"
            )
        return _jpeg(shown.frame, self._stream.sample_aspect_ratio)

    def _open(self) -> None:
        try:
            import av
        except ImportError as error:
            raise FileTrouble(
                f"{self.path} is a video; its stills need PyAV, which is not installed or cannot be loaded here: {INSTALL}"
            ) from error
        logging.getLogger("libav").setLevel(logging.CRITICAL)
        try:
            # an absolute path is no address; a playlist in disguise opens no network
            self._container = av.open(
                os.path.abspath(self.path),  # noqa: PTH100
                metadata_errors="replace",
                options={"protocol_whitelist": "file"},
            )
        except av.FFmpegError as error:
            if isinstance(error, OSError) and error.errno:
                raise unreadable(self.path, error) from error
            raise DamagedPicture(
                f"{self.path} cannot be opened as a video: {error.strerror}; it may be cut off or damaged"
            ) from error
        moving = [one for one in self._container.streams.video if not one.disposition.value & _NOT_MOVING]
        if not moving:
            self._container.close()
            raise NotAPicture(f"{self.path} has sound, but no video")
        self._stream = moving[0]
        decoder = self._stream.codec_context
        if decoder is None:
            self._container.close()
            raise UnsupportedFormat(f"{self.path}: its video is of a kind that cannot be decoded here; convert it first")
        decoder.thread_type = "AUTO"
        decoder.thread_count = min(_MOST_THREADS, os.cpu_count() or 1)
        self._tick_s = float(self._stream.time_base or Fraction(1, 1000))
        self._start_s = (self._stream.start_time or 0) * self._tick_s
        self._frames = self._decoded()
        self._shown: _Shown | None = None
        self._ahead: _Shown | None = None
        self._is_fresh = True
        self._can_seek = True
        self._soon_s = _SOON_S
        self._damaged_since = False

    def _duration_s(self) -> float:
        import av

        if self._stream.duration:
            return float(self._stream.duration) * self._tick_s
        if self._container.duration:
            return float(self._container.duration) / av.time_base
        last_s = 0.0
        try:
            for packet in self._container.demux(self._stream):
                if packet.pts is not None:
                    last_s = max(last_s, (packet.pts + (packet.duration or 0)) * self._tick_s - self._start_s)
        except av.FFmpegError:
            self.is_damaged = True
        self._reopen()
        return last_s

    def _reopen(self) -> None:
        self.close()
        damaged, learned_s, can_seek = self.is_damaged, self._soon_s, self._can_seek
        self._open()
        self.is_damaged, self._soon_s, self._can_seek = damaged, learned_s, can_seek

    def _go_to(self, time_s: float) -> None:
        """Come near a time by a seek, where that is quicker than to decode on."""
        if self._is_fresh:
            self._is_fresh, at_s = False, 0.0
        else:
            at_s = self._ahead.from_s if self._ahead else self._shown.from_s if self._shown else 0.0
            if self._shown is not None and time_s < self._shown.from_s:
                self._reopen()
                self._go_to(time_s)
                return
        if self._ahead is None and self._shown is None and time_s <= self._soon_s:
            self._ahead = self._next()
        elif self._can_seek and time_s - at_s > self._soon_s and not (self._ahead is None and self._shown):
            self._seek(time_s, at_s)

    def _seek(self, time_s: float, at_s: float) -> None:
        import av

        shown, ahead = self._shown, self._ahead
        try:
            self._container.seek(
                int((time_s + self._start_s) / self._tick_s), stream=self._stream, backward=True
            )
        except av.FFmpegError:
            self._without_seeks()
            return
        self._frames = self._decoded()
        landed = self._next()
        if landed is None or landed.from_s > time_s + _ROUNDING_S:
            self._without_seeks()
            return
        if landed.from_s <= at_s and (shown or ahead):
            self._soon_s = 2 * (time_s - at_s)  # key frames are further apart than this
        self._shown, self._ahead = None, landed

    def _without_seeks(self) -> None:
        """No seek leads there: decode from the start."""
        self._can_seek = False
        self._reopen()
        self._is_fresh = False
        self._ahead = self._next()

    def _next(self) -> _Shown | None:
        frame = next(self._frames, None)
        if frame is None:
            return None
        before = self._ahead or self._shown
        length_s = (frame.duration or 0) * self._tick_s or 1 / float(self._stream.average_rate or 25)
        at_s = float(frame.time) - self._start_s if frame.time is not None else before.until_s if before else 0.0
        return _Shown(frame, at_s, at_s + length_s)

    def _decoded(self) -> Iterator[VideoFrame]:
        """Every frame that can be decoded, from where the file is; what is damaged is passed over."""
        import av

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                packet = None
                self._note_damage()
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self._note_damage()
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._note_damage()
                else:
                    yield frame

    def _note_damage(self) -> None:
        self.is_damaged = self._damaged_since = True


_NOT_MOVING = 1024 | 2048 | 1048576
"""FFmpeg's dispositions of cover pictures, thumbnails and stills."""


def _jpeg(frame: VideoFrame, pixel_shape: Fraction | None) -> bytes:
    import av
    import numpy as np

    width = max(1, round(frame.width * float(pixel_shape))) if pixel_shape else frame.width
    image = frame.reformat(width=width, format="rgb24").to_ndarray()
    turned = np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))
    upright = av.VideoFrame.from_ndarray(turned, format="rgb24").reformat(format="yuvj420p")
    upright.pts, upright.time_base = 0, Fraction(1, 1)
    encoder = av.VideoCodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = upright.width, upright.height, "yuvj420p"
    encoder.time_base = Fraction(1, 1)
    encoder.options = {"qmin": str(_JPEG_QUANTISER), "qmax": str(_JPEG_QUANTISER)}
    return b"".join(bytes(packet) for packet in [*encoder.encode(upright), *encoder.encode(None)])
