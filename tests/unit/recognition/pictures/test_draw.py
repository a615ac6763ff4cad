from __future__ import annotations

import numpy as np
import pytest

from manyeyes.recognition.pictures.draw import KNOWN_BGR, UNKNOWN_BGR, draw
from manyeyes.results import Face


def face(box: tuple[int, int, int, int], name: str | None) -> Face:
    return Face(
        box_xyxy_px=box, landmarks_px=(), score=1, name=name, distance=None, threshold=0.58, confidence=0
    )


@pytest.mark.parametrize("size", [(2, 3), (20, 64), (64, 64), (64, 2000), (900, 1400)])
@pytest.mark.parametrize("name", ["Ann", "Иван Ελένη", "王小明 김철수", "x" * 300, "a\nb\x00c", "👩‍🚀", None])
def test_any_name_draws_on_any_size(size: tuple[int, int], name: str | None) -> None:
    image = np.full((*size, 3), 128, np.uint8)
    height, width = size
    for box in ((0, 0, width, height), (width - 1, height - 1, width, height), (0, 0, 1, 1)):
        image[:] = 128
        draw(image, [face(box, name)])
        assert (image != 128).any()


def test_known_and_unknown_differ_and_labels_stay_inside() -> None:
    drawn = np.zeros((300, 300, 3), np.uint8)
    draw(drawn, [face((250, 5, 298, 60), "Ann Müller"), face((20, 200, 90, 290), None)])
    assert (drawn[:100] == KNOWN_BGR).all(axis=2).sum() > 300
    assert (drawn[150:] == UNKNOWN_BGR).all(axis=2).sum() > 300


def labelled(name: str) -> np.ndarray:
    image = np.zeros((200, 400, 3), np.uint8)
    draw(image, [face((50, 60, 150, 160), name)])
    return image


def test_names_in_other_scripts_are_not_question_marks() -> None:
    marks = labelled("???")
    for name in ("王小明", "김철수", "Łźё", "Ελέ"):
        assert not np.array_equal(labelled(name), marks)
