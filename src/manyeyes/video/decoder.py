"""The frames of a video file, one after the other, with the times at which they are shown."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from manyeyes.errors import DamagedPicture, FileTrouble, NotAPicture, UnsupportedFormat
from manyeyes.local_files import unreadable

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

INSTALL = "pip install 'manyeyes[video]'"
_MOST_THREADS = 4
"""Each decoding thread holds frames; of 4K video a frame has 12 MB or more."""
_NOT_MOVING = 1024 | 2048 | 1048576
"""FFmpeg's dispositions of cover pictures, thumbnails and still pictures."""
_USUAL_RATE = 25
_CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,asf,mxf,ogg"
"""FFmpeg's names of the kinds of files that are opened."""


@dataclass(frozen=True)
class Shown:
    """A frame, from when it is shown, and until when, in seconds from the start of the video."""

    frame: VideoFrame
    from_s: float
    until_s: float


class Decoder:
    """An open video file.

    Raises:
        FileTrouble: it cannot be read, or PyAV is missing.
        NotAPicture: it has sound only.
        UnsupportedFormat: nothing here can decode it.
        DamagedPicture: it is no video that can be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            import av
        except ImportError as error:
            raise FileTrouble(
                f"{path} is a video; its stills need PyAV, which is not installed or cannot be loaded here: {INSTALL}"
            ) from error
        logging.getLogger("libav").setLevel(logging.CRITICAL)
        try:
            self._container = _opened(path)
        except av.FFmpegError as error:
            if isinstance(error, OSError):
                raise unreadable(path, error) from error
            raise DamagedPicture(
                f"{path} cannot be opened as a video: {error.strerror}; it may be cut off or damaged"
            ) from error
        moving = [one for one in self._container.streams.video if not one.disposition.value & _NOT_MOVING]
        decoder = moving[0].codec_context if moving else None
        if decoder is None:
            self._container.close()
            if not moving:
                raise NotAPicture(f"{path} has sound, but no video")
            raise UnsupportedFormat(f"{path} cannot be decoded here: its codec is unknown; convert it first")
        decoder.thread_type = "AUTO"
        decoder.thread_count = min(_MOST_THREADS, os.cpu_count() or 1)
        self._stream = moving[0]
        self._tick_s = float(self._stream.time_base or Fraction(1, 1000))
        self._start_s = (self._stream.start_time or 0) * self._tick_s
        self._frames = self._decoded()
        self._end_s = 0.0
        self.damages = 0
        """How often something could not be decoded."""

    @property
    def pixel_shape(self) -> float:
        """The width of a pixel, divided by its height."""
        return float(self._stream.sample_aspect_ratio or 1)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def stated_duration_s(self) -> float | None:
        """How long it is, as its file says."""
        import av

        if self._stream.duration:
            return float(self._stream.duration) * self._tick_s
        return float(self._container.duration) / av.time_base if self._container.duration else None

    def counted_duration_s(self) -> float:
        """How long it is, by all its packets; nothing can be decoded after it."""
        import av

        last_s = 0.0
        try:
            for packet in self._container.demux(self._stream):
                if packet.pts is not None:
                    last_s = max(last_s, (packet.pts + (packet.duration or 0)) * self._tick_s - self._start_s)
        except av.FFmpegError:
            self.damages += 1
        return last_s

    def seek(self, time_s: float) -> bool:
        """Go on with the key frame before a time; returns whether that could be done."""
        import av

        try:
            at = int((time_s + self._start_s) / self._tick_s)
            self._container.seek(at, stream=self._stream, backward=True)
        except av.FFmpegError:
            return False
        self._frames = self._decoded()
        return True

    def next(self) -> Shown | None:
        """The next frame; None at the end."""
        frame = next(self._frames, None)
        if frame is None:
            return None
        length_s = (frame.duration or 0) * self._tick_s or 1 / float(self._stream.average_rate or _USUAL_RATE)
        from_s = self._end_s if frame.time is None else float(frame.time) - self._start_s
        self._end_s = from_s + length_s
        return Shown(frame, from_s, self._end_s)

    def _decoded(self) -> Iterator[VideoFrame]:
        """Every frame that can be decoded, from where the file is; what is damaged is passed over."""
        import av

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError:
                packet = None
                self.damages += 1
            if packet is None:
                return
            try:
                frames = packet.decode()
            except av.FFmpegError:
                self.damages += 1
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self.damages += 1
                else:
                    yield frame


def _opened(path: Path) -> InputContainer:
    import av

    name = os.path.abspath(path)  # noqa: PTH100  an absolute path is never read as an address
    # a playlist in disguise opens no other file, and no network
    options = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
    try:
        return av.open(name, options=options)
    except UnicodeDecodeError:  # a title that is not UTF-8; PyAV before 19 wants to know what to do with it
        return av.open(name, options=options, metadata_errors="replace")


def jpeg_of(frame: VideoFrame, pixel_shape: float, quantiser: int) -> bytes:
    """A frame as a JPEG, upright and with square pixels.

    Args:
        pixel_shape: the width of a pixel, divided by its height.
        quantiser: 2 is the best quality, 31 the worst.
    """
    import av
    import numpy as np

    width = max(1, round(frame.width * pixel_shape))
    image_hwc_u8 = frame.reformat(width=width, format="rgb24").to_ndarray()
    turned = np.ascontiguousarray(np.rot90(image_hwc_u8, round(frame.rotation / 90)), dtype=np.uint8)
    upright = av.VideoFrame.from_ndarray(turned, format="rgb24").reformat(format="yuvj420p")
    upright.pts, upright.time_base = 0, Fraction(1, 1)
    encoder = av.VideoCodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = upright.width, upright.height, "yuvj420p"
    encoder.time_base = Fraction(1, 1)
    encoder.options = {"qmin": str(quantiser), "qmax": str(quantiser)}
    return b"".join(bytes(packet) for packet in [*encoder.encode(upright), *encoder.encode(None)])
