from __future__ import annotations

import numpy as np
import pytest

from manyeyes.recognition.pictures.draw import KNOWN_BGR, TOO_SMALL_BGR, UNKNOWN_BGR, draw
from manyeyes.results import Face, TooSmall


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


def small(box: tuple[int, int, int, int]) -> Face:
    size_px = min(box[2] - box[0], box[3] - box[1])
    return face(box, None).model_copy(update={"too_small": TooSmall(size_px=size_px, least_px=24)})


def pixels_of(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (image == colour).all(axis=2)


def test_many_small_faces_have_thin_boxes_and_one_line_says_how_many() -> None:
    crowd = [small((x, y, x + 12, y + 15)) for x in range(20, 980, 24) for y in range(20, 480, 30)]
    image = np.zeros((700, 1000, 3), np.uint8)
    draw(image, crowd)
    blue = pixels_of(image, TOO_SMALL_BGR)
    assert blue[:500].sum() == len(crowd) * (2 * 12 + 2 * 13), "one pixel wide, nothing else"
    assert blue[500:].sum() > 2000 and pixels_of(image[500:], (255, 255, 255)).any()
    assert not pixels_of(image, UNKNOWN_BGR).any()
    others = np.zeros((700, 1000, 3), np.uint8)
    draw(others, crowd[:-1])
    assert not np.array_equal(image[500:], others[500:]), "the number"


def test_the_line_goes_to_a_corner_without_faces() -> None:
    image = np.zeros((700, 1000, 3), np.uint8)
    faces = [small((x, y, x + 12, y + 15)) for x in range(0, 980, 20) for y in (5, 680)]
    draw(image, [one for one in faces if not (one.box_xyxy_px[0] > 500 and one.box_xyxy_px[1] < 30)])
    label = pixels_of(image[:20, 600:], TOO_SMALL_BGR)
    assert label.mean() > 0.4


@pytest.mark.parametrize("size", [(2, 3), (20, 64), (64, 2000), (900, 1400)])
def test_small_faces_draw_on_any_size(size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 128, np.uint8)
    draw(image, [small((0, 0, 1, 1)), small((size[1] - 1, size[0] - 1, size[1], size[0]))])
    assert pixels_of(image, TOO_SMALL_BGR).any()


def test_the_word_unknown_covers_no_other_face_and_names_are_always_there() -> None:
    row = [(x, 300, x + 60, 360) for x in range(100, 800, 80)]
    above = [(x, 240, x + 60, 290) for x in range(100, 800, 80)]
    largest, near = (400, 500, 480, 590), ((400, 466, 430, 490), (400, 594, 430, 620))

    def white_at(name: str | None) -> int:
        image = np.zeros((700, 1000, 3), np.uint8)
        draw(image, [face(box, name) for box in (*row, *above, *near, largest)])
        middle = pixels_of(image[284:298], (255, 255, 255))
        assert pixels_of(image[470:500], UNKNOWN_BGR if name is None else KNOWN_BGR).sum() > 600, (
            "the largest"
        )
        return int(middle.sum())

    assert white_at(None) == 0
    assert white_at("Ann") > 300


def test_the_word_unknown_goes_below_the_box_where_it_would_hide_a_face_above() -> None:
    image = np.zeros((400, 600, 3), np.uint8)
    draw(
        image,
        [face((200, 100, 260, 160), None), face((200, 190, 260, 250), "Ann"), face((300, 10, 390, 99), None)],
    )
    assert pixels_of(image[70:98, 200:290], UNKNOWN_BGR).sum() > 300
    image[:] = 0
    draw(
        image,
        [face((200, 100, 260, 160), None), face((200, 70, 260, 95), "Ann"), face((300, 10, 390, 99), None)],
    )
    assert pixels_of(image[162:180, 200:290], UNKNOWN_BGR).sum() > 300
