"""Cuts long pictures, as panoramas, into overlapping pieces. Pure.

Detectors shrink a picture by its longer side. In a panorama this leaves nothing of its faces.
"""

from __future__ import annotations

LONGEST_RATIO = 3
"""A picture whose longer side is more than so many times the shorter one is searched in pieces of this ratio."""

Piece = tuple[int, int, int, int]
"""Left, top, right and bottom edge in px."""


def pieces(width_px: int, height_px: int) -> tuple[Piece, ...]:
    """The pieces that a picture is searched in; the whole picture if it is not long.

    Neighbours overlap by at least the shorter side of the picture. No face is larger, so each is whole in one piece.
    All pieces have the same size, and together they cover the picture.
    """
    short, long = sorted((width_px, height_px))
    length = LONGEST_RATIO * short
    if long <= length:
        return ((0, 0, width_px, height_px),)
    steps = -(-(long - length) // (length - short))
    starts = [step * (long - length) // steps for step in range(steps + 1)]
    if width_px > height_px:
        return tuple((start, 0, start + length, height_px) for start in starts)
    return tuple((0, start, width_px, start + length) for start in starts)


def longest_piece_px(width_px: int, height_px: int) -> int:
    """The longer side of each piece."""
    return min(max(width_px, height_px), LONGEST_RATIO * min(width_px, height_px))
