"""At which times stills are taken, and how a still is named."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from manyeyes.api.videos import MAX_VIDEO_S
from manyeyes.errors import BadRequest

DEFAULT_EVERY_S = 2.0
"""Who walks through the picture is seen for three seconds or more, so on one still at least."""
LEAST_EVERY_S = 0.04
"""The time of a frame at 25 frames a second; more stills than frames show nothing more."""
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)", re.ASCII)
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Times:
    """Which stills of a video are wanted: one at `from_s`, and then one every `every_s` until before `to_s`."""

    every_s: float = DEFAULT_EVERY_S
    from_s: float = 0.0
    to_s: float = math.inf

    def __post_init__(self) -> None:
        if not LEAST_EVERY_S <= self.every_s <= MAX_VIDEO_S:
            raise BadRequest(
                f"--every is {self.every_s:g} s; {LEAST_EVERY_S:g} to {MAX_VIDEO_S:g} s are possible"
            )
        if not 0 <= self.from_s < self.to_s:
            raise BadRequest(f"--from {self.from_s:g} s is not before --to {self.to_s:g} s")

    def count(self, duration_s: float) -> int:
        """How many stills a video of this length has: at least one, if it begins after `from_s`."""
        length_s = min(duration_s, self.to_s) - self.from_s
        if self.from_s == 0 and duration_s <= 0:
            return 1
        return max(0, math.ceil(length_s / self.every_s - _ROUNDING))

    def each(self, duration_s: float) -> Iterator[float]:
        """The time of each still of a video of this length, in seconds."""
        for number in range(self.count(duration_s)):
            yield round(self.from_s + number * self.every_s, 3)


DEFAULT_TIMES = Times()


def read_time(text: str) -> float:
    """Seconds, from `90`, `1:30` or `0:01:30.5`.

    Raises:
        BadRequest: it is none of these.
    """
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise BadRequest(
            f"{text!r} is no time in a video; write seconds, or as a player shows it: 90, 1:30, 1:02:03"
        )
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def still_name(time_s: float) -> str:
    """The file name of a still, in the order of time: `00-12-30.500.jpg`."""
    ms = round(time_s * 1000)
    minutes, rest_ms = divmod(ms, 60_000)
    return f"{minutes // 60:02d}-{minutes % 60:02d}-{rest_ms // 1000:02d}.{rest_ms % 1000:03d}.jpg"
