"""Removes padding before restart markers, after a look at each interval on its own.

The coded pixels between two restart markers can be decoded alone: they become a small JPEG of one row of MCUs.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from manyeyes.recognition.pictures.file_faults import bytes_ignored
from manyeyes.recognition.pictures.jpeg_leftovers import Coding, Extraneous, Same, is_padding, used_bytes
from manyeyes.recognition.pictures.jpeg_structure import (
    DHT,
    DQT,
    END,
    SCAN,
    SEQUENTIAL,
    SOS,
    Frame,
    Part,
)
from manyeyes.results import Caution

MOST_INTERVALS = 4096
MOST_SUSPICIOUS = 0.2
"""Part of the intervals' leftovers that may look like coded pixels; some padding does so by chance."""
LEAST_FOR_CHANCE = 5
_MAX_SIDE_PX = 65_500
_RESTART = re.compile(rb"\xff+([\xd0-\xd7])")
_NEEDED = SEQUENTIAL | {DHT, SOS, DQT}


def without_padding(
    data: bytes,
    parts: tuple[Part, ...],
    frame: Frame,
    interval: int,
    coding: Coding,
    extraneous: Extraneous,
    same: Same,
) -> tuple[bytes, tuple[Caution, ...]] | None:
    """The file without padding behind its intervals; None if one of them is damaged.

    Args:
        interval: MCUs in each interval but the last.
    """
    scan = next(part for part in parts if part.kind == SCAN)
    across, down = frame.mcus
    split = _RESTART.split(data[scan.start : scan.end])
    coded, numbers = split[::2], split[1::2]
    counts = (
        [min(interval, across * down - done) for done in range(0, across * down, interval)]
        if interval
        else []
    )
    in_order = [number[0] & 7 for number in numbers] == [place % 8 for place in range(len(numbers))]
    if len(coded) != len(counts) or len(coded) > MOST_INTERVALS or not in_order:
        return None
    kept, padded, suspicious = list[bytes](), 0, 0
    for pixels, count in zip(coded, counts, strict=True):
        alone = _alone(data, parts, frame, count, across)
        if alone is None:
            return None
        used = used_bytes(pixels, lambda cut: extraneous(alone(cut)))  # noqa: B023
        if used is None:
            return None
        if used < len(pixels):
            padded += 1
            suspicious += not is_padding(pixels, used, coding, lambda a, b: same(alone(a), alone(b)))  # noqa: B023
        kept.append(pixels[:used])
    if suspicious > (MOST_SUSPICIOUS * padded if padded >= LEAST_FOR_CHANCE else 0):
        return None
    joined = b"".join(
        pixels + (b"\xff" + numbers[place] if place < len(numbers) else b"")
        for place, pixels in enumerate(kept)
    )
    removed = sum(map(len, coded)) - sum(map(len, kept))
    return data[: scan.start] + joined + data[scan.end :], (
        bytes_ignored(removed, "between the coded pixels"),
    )


def _alone(
    data: bytes, parts: tuple[Part, ...], frame: Frame, count: int, row: int
) -> Callable[[bytes], bytes] | None:
    """Makes a JPEG of `count` MCUs from their coded pixels; None if no picture has so many in whole rows."""
    width, height = frame.mcu_px
    rows = 1 if count * width <= _MAX_SIDE_PX else count // row
    if count % rows if rows else True:
        return None
    size = (height * rows).to_bytes(2, "big") + (width * count // rows).to_bytes(2, "big")
    head = b"".join(
        data[part.start : part.start + 5] + size + data[part.start + 9 : part.end]
        if part.start == frame.start
        else data[part.start : part.end]
        for part in parts
        if not part.kind and part.marker in _NEEDED
    )
    return lambda coded: b"\xff\xd8" + head + coded + END
