"""Decides at which sizes a picture is searched, and in which tiles. Pure.

A network's time grows with the number of pixels. Most pictures show large faces, which a small copy of the picture
shows as well. So the copy is searched first. If it shows small faces, or hints of some, a larger copy is searched, in
tiles. So the largest canvas of the network, and its memory, are bounded.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from manyeyes.recognition.pieces import Piece

FIRST_PX = (224, 512)
"""Least and largest longer side of the first copy."""
WHOLE_PX = 320
"""A picture of this longer side or less is searched once, as it is."""
FIRST_SHARE = 0.275
FIRST_MORE_PX = 64
FULL_PX = 1280
"""Longer side at which small faces are searched."""
LARGE_PX = 2560
"""The same for a picture of more than `LARGE_FROM` pixels, as a third step."""
LARGE_FROM = 20_000_000
SCORE = 0.5
"""Lowest score of a face."""
HINT = 0.2
"""Lowest score of a hint: a network gives faces that are too small for it a low score."""
HINT_PX = 20.0
"""Largest longer side of a hint on the searched copy."""
SMALL_PX = 28.0
"""Largest longer side, on the searched copy, of a face whose landmarks a larger copy shows better."""
KEPT_PX = 32.0
"""Longer side, on the searched copy, from which a face is not replaced by what a larger copy shows."""
CROWD = 20
"""From so many small faces and hints on, every tile of the next copy is searched."""
TILE_PX = 704
OVERLAP_PX = 96
"""Neighbouring tiles share so much. A face of less than `KEPT_PX` on the copy before is no larger than this."""
SEAM_PX = 4
"""A face at the middle of two tiles' overlap counts in both; suppression leaves one."""


def long_sides_px(long_px: int, original_px: int) -> tuple[int, ...]:
    """The longer sides, rising, at which a picture is searched.

    Args:
        long_px: the longer side of the picture; it is never enlarged.
        original_px: the number of pixels of the picture as it was stored.
    """
    least, most = FIRST_PX
    first = min(most, max(least, round(FIRST_MORE_PX + FIRST_SHARE * long_px)))
    if long_px <= WHOLE_PX:
        return (long_px,)
    sides = (first, FULL_PX, LARGE_PX) if original_px > LARGE_FROM else (first, FULL_PX)
    return (*(side for side in sides if side < long_px), *((long_px,) if long_px <= sides[-1] else ()))


def hints(boxes_xyxy_px: Any, scores: Any) -> Any:
    """The middles (n, 2) of small faces and of hints of some; boxes (n, 4) in px of the searched copy."""
    small = longer(boxes_xyxy_px) <= np.where(scores >= SCORE, SMALL_PX, HINT_PX)
    return (boxes_xyxy_px[small, :2] + boxes_xyxy_px[small, 2:]) / 2


def tiles(width_px: int, height_px: int, middles_xy_px: Any) -> tuple[Piece, ...]:
    """The tiles of a copy that are searched, if a smaller copy shows something small at the middles (n, 2).

    They are those with a middle in them. Where many small faces show, it is a crowd, in which others do not show:
    then they are all tiles, unless the copy is above `FULL_PX`.
    """
    found = [
        (left, top, right, bottom) for top, bottom in _spans(height_px) for left, right in _spans(width_px)
    ]
    if len(middles_xy_px) >= CROWD and max(width_px, height_px) <= FULL_PX:
        return tuple(found)
    return tuple(part for part in found if owned(part, width_px, height_px, middles_xy_px).any())


def owned(part: Piece, width_px: int, height_px: int, middles_xy_px: Any) -> Any:
    """Which of the middles (n, 2) count in this tile: those that are further from its inner edges than from
    those of the neighbours. A mask (n,)."""
    left, top, right, bottom = part
    edge = OVERLAP_PX / 2 - SEAM_PX
    low = [left + edge if left > 0 else -np.inf, top + edge if top > 0 else -np.inf]
    high = [right - edge if right < width_px else np.inf, bottom - edge if bottom < height_px else np.inf]
    return ((middles_xy_px >= low) & (middles_xy_px <= high)).all(axis=1)


def longer(boxes_xyxy_px: Any) -> Any:
    """The longer side (n,) of each box (n, 4)."""
    return (boxes_xyxy_px[:, 2:] - boxes_xyxy_px[:, :2]).max(axis=1, initial=0.0)


def _spans(length_px: int) -> list[tuple[int, int]]:
    """Begin and end of the fewest equal tiles that cover a side."""
    count = 1 if length_px <= TILE_PX else -(-(length_px - OVERLAP_PX) // (TILE_PX - OVERLAP_PX))
    side = -(-(length_px + (count - 1) * OVERLAP_PX) // count)
    starts = [step * (length_px - side) // max(1, count - 1) for step in range(count)]
    return [(start, start + side) for start in starts]
