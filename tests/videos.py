"""Videos made by code: each second has a brightness of its own, so a still tells which second it shows."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

STEP = 16
Paint = Callable[[float], np.ndarray]


def grey(time_s: float) -> np.ndarray:
    """A frame of 64 x 48 px that is as bright as its second says, and darker in its left half."""
    image = np.full((48, 64, 3), STEP * int(time_s % 12 + 1e-6) + STEP, np.uint8)
    image[:, :32] //= 2
    return image


def second_of(jpeg: bytes) -> int:
    """Which second a still of a `grey` video shows."""
    image = np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"), np.float64)
    return round((image.max() - STEP) / STEP)


def size_of(jpeg: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(jpeg)).size


def make_video(
    path: Path,
    seconds: float = 6,
    *,
    rate: int = 5,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    paint: Paint = grey,
    key_every_s: float = 60,
    rotation: int = 0,
    pixel_shape: Fraction | None = None,
    container: str | None = None,
    options: dict[str, str] | None = None,
    times_s: list[float] | None = None,
    moov_first: bool = False,
    title: str = "",
) -> Path:
    """Write a video; `times_s` are the times of its frames where they come at no fixed rate."""
    path.parent.mkdir(exist_ok=True)
    how = {"movflags": "+faststart"} if moov_first else {}
    with av.open(str(path), "w", format=container, options=how) as file:
        if title:
            file.metadata["title"] = title
        stream = file.add_stream(codec, rate=rate, options=options or {})
        first = paint(0)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = pixels
        stream.gop_size = max(1, round(key_every_s * rate))
        if pixel_shape is not None:
            stream.codec_context.sample_aspect_ratio = pixel_shape
        if rotation:
            stream.set_display_rotation(rotation)
        stream.codec_context.time_base = tick = Fraction(1, 1000 if times_s else rate)
        for time_s in times_s or [number / rate for number in range(round(seconds * rate))]:
            frame = av.VideoFrame.from_ndarray(paint(time_s), format="rgb24")
            frame.pts, frame.time_base = round(time_s / tick), tick
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def make_sound(path: Path, seconds: float = 1) -> Path:
    """A file with sound only."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, round(8000 * seconds)), np.float32), "fltp", "mono")
        silence.sample_rate = 8000
        file.mux(stream.encode(silence))
        file.mux(stream.encode(None))
    return path
