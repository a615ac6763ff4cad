"""At which sizes a picture is searched, and in which tiles: pure decisions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyeyes.recognition.detection import closer_look

SIDES = st.integers(1, closer_look.LARGE_PX)


@pytest.mark.parametrize(
    ("long_px", "original_px", "sides"),
    [
        (40, 0, (40,)),
        (320, 0, (320,)),
        (512, 512 * 512, (224, 512)),
        (1280, 1280 * 886, (416, 1280)),
        (4160, 4160 * 2880, (512, 1280)),
        (6000, 6000 * 4000, (512, 1280, 2560)),
        (3000, 6000 * 4000, (512, 1280, 2560)),
    ],
    ids=["tiny", "small", "512", "1280", "12 MP", "24 MP", "24 MP, shrunk while it was decoded"],
)
def test_a_small_copy_is_searched_first(long_px: int, original_px: int, sides: tuple[int, ...]) -> None:
    assert closer_look.long_sides_px(long_px, original_px) == sides


@given(SIDES, st.integers(0, 60_000_000))
def test_the_sizes_rise_and_never_enlarge(long_px: int, original_px: int) -> None:
    sides = closer_look.long_sides_px(long_px, original_px)
    assert list(sides) == sorted(set(sides)) and sides[-1] <= long_px
    assert sides[-1] == long_px or sides[-1] >= closer_look.FULL_PX


def test_small_faces_and_small_hints_call_for_a_closer_look() -> None:
    side, score = closer_look.SMALL_PX, closer_look.SCORE
    boxes = np.array([[0, 0, s, 5] for s in (side, side + 1, closer_look.HINT_PX, closer_look.HINT_PX + 1)])
    scores = np.array([score, score, score - 0.1, score - 0.1])
    assert closer_look.hints(boxes, scores)[:, 0].tolist() == [side / 2, closer_look.HINT_PX / 2]
    assert len(closer_look.hints(np.zeros((0, 4)), np.zeros(0))) == 0


@given(SIDES, SIDES)
def test_tiles_cover_the_copy_and_every_small_face_is_whole_where_it_counts(width: int, height: int) -> None:
    rng = np.random.default_rng(width * 4096 + height)
    middles = rng.uniform(0, 1, (40, 2)) * (width, height)
    found = closer_look.tiles(width, height, middles)
    counted = np.zeros(len(middles), int)
    half = closer_look.OVERLAP_PX / 2 - closer_look.SEAM_PX
    for part in found:
        left, top, right, bottom = part
        assert 0 <= left < right <= width and 0 <= top < bottom <= height
        assert max(right - left, bottom - top) <= closer_look.TILE_PX
        here = closer_look.owned(part, width, height, middles)
        counted += here
        low, high = np.maximum(middles[here] - half, 0), np.minimum(middles[here] + half, (width, height))
        assert (low >= (left, top)).all() and (high <= (right, bottom)).all()
    assert counted.min() >= 1


def test_only_tiles_with_something_small_are_searched_but_all_of_a_crowd() -> None:
    one, two = np.array([[100.0, 100.0]]), np.array([[100.0, 100.0], [2500.0, 1600.0]])
    assert closer_look.tiles(1280, 960, one) == ((0, 0, 688, 528),)
    assert len(closer_look.tiles(1280, 960, one.repeat(closer_look.CROWD, axis=0))) == 4
    assert len(closer_look.tiles(2560, 1707, one.repeat(closer_look.CROWD, axis=0))) == 1
    assert closer_look.tiles(2560, 1707, one) == ((0, 0, 589, 633),)
    assert len(closer_look.tiles(2560, 1707, two)) == 2
