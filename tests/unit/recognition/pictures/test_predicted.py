"""A result drawn onto its original gives the very picture that a node makes."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image
from tests.samples import SAMPLES, Sample, picture, saved

import manyeyes
from manyeyes.errors import BadRequest, DamagedPicture
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.recognizer import Recognizer, load
from manyeyes.results import Face, Result


@pytest.fixture(scope="module")
def recognizer(default_pack: Path) -> Recognizer:
    return load(default_pack)


@pytest.fixture(scope="module")
def gallery(recognizer: Recognizer) -> Gallery:
    return Gallery(("Eileen",), recognizer.enrol(saved(picture(), "PNG")).embedding[None], version=1)


def over_the_wire(result: Result) -> Result:
    return Result.model_validate_json(result.model_dump_json())


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_the_same_bytes_as_a_nodes(sample: Sample, recognizer: Recognizer, gallery: Gallery) -> None:
    original = sample.make()
    drawn, predicted = recognizer.recognize(original, gallery)
    alone, nothing = recognizer.recognize(original, gallery, draw=False)
    assert nothing is None and alone.predicted_media_type is None
    assert alone.faces == drawn.faces
    made = manyeyes.draw(original, over_the_wire(alone))
    assert made.content == predicted
    assert made.media_type == drawn.predicted_media_type
    if sample.named:
        blank = manyeyes.draw(original, over_the_wire(alone).model_copy(update={"faces": ()}))
        assert made.content != blank.content, "nothing was drawn"


@pytest.mark.slow
def test_threads_do_not_disturb_each_other(recognizer: Recognizer, gallery: Gallery) -> None:
    originals = [sample.make() for sample in SAMPLES if sample.named]
    results = [recognizer.recognize(original, gallery, draw=False)[0] for original in originals]
    one_by_one = [manyeyes.draw(*pair) for pair in zip(originals, results, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            assert list(pool.map(manyeyes.draw, originals, results)) == one_by_one


def large_jpeg() -> bytes:
    """A long side of 6,000 px: a node that draws nothing reads it at half the size."""
    return saved(picture().resize((6000, 5200)), "JPEG", quality=90)


def test_a_large_jpegs_boxes_may_be_a_little_off(recognizer: Recognizer, gallery: Gallery) -> None:
    original = large_jpeg()
    drawn, predicted = recognizer.recognize(original, gallery)
    alone, _ = recognizer.recognize(original, gallery, draw=False)
    assert [face.name for face in alone.faces] == [face.name for face in drawn.faces] == ["Eileen"]
    side_px = drawn.faces[0].box_xyxy_px[2] - drawn.faces[0].box_xyxy_px[0]
    for here, there in zip(alone.faces[0].box_xyxy_px, drawn.faces[0].box_xyxy_px, strict=True):
        assert abs(here - there) <= 0.1 * side_px
    assert manyeyes.draw(original, drawn).content == predicted, "the pixels are read in full here"


def result_of(width_px: int, height_px: int) -> Result:
    face = Face(
        box_xyxy_px=(10, 10, 40, 40),
        landmarks_px=(),
        score=1,
        name="Ada",
        distance=0.1,
        threshold=0.5,
        confidence=1,
    )
    return Result(
        width_px=width_px,
        height_px=height_px,
        media_type="image/png",
        faces=(face,),
        pack="faces@1",
        timings_ms={},
    )


def test_a_result_of_another_picture_is_refused() -> None:
    original = saved(picture(), "PNG")
    with pytest.raises(BadRequest, match="of 512×512 px, this one has 300×260"):
        manyeyes.draw(original, result_of(512, 512))
    with pytest.raises(DamagedPicture):
        manyeyes.draw(original[:-100], result_of(300, 260))
    made = manyeyes.draw(original, result_of(300, 260))
    assert made.media_type == "image/png"
    assert Image.open(io.BytesIO(made.content)).size == (300, 260)
