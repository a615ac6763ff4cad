"""One picture from its order to its answer: what is asked of the node, and what is made of what it says."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from manyeyes.contract import PICTURE
from manyeyes.dispatch.order import Answered, Order
from manyeyes.dispatch.trace import PictureTrace
from manyeyes.errors import ManyeyesError
from manyeyes.face_results import GALLERY, THUMBNAIL, UNKNOWN, FaceOutcome
from manyeyes.master.recognition import Recognised, Recognition
from manyeyes.results import Result

RESULT = Result(
    width_px=9,
    height_px=8,
    media_type="image/png",
    faces=(),
    pack="p@1",
    timings_ms={},
    task_id="t",
    trace_id="w",
)


class Parts:
    """What stands around recognition; the node's answer is the test's."""

    def __init__(self, result: Result | None = RESULT) -> None:
        self.orders: list[Order] = []
        self.outcome = FaceOutcome("t", result=result, result_json=b"as it came", picture=b"drawn")
        self.lists, self.keeps, self.answered_as = True, False, ""
        self.thumbnails: list[FaceOutcome] = []
        self.offered: list[FaceOutcome] = []
        self.listed: list[tuple[str, Result, str]] = []
        dispatcher: Any = SimpleNamespace(submit=self._submit)
        people: Any = SimpleNamespace(sealed=lambda outcome: outcome.result)
        unknown: Any = SimpleNamespace(offer=self.offered.append, wanted=False)
        recent: Any = SimpleNamespace(
            wants=lambda: self.lists,
            thumbnail=self.thumbnails.append,
            add=lambda task_id, result, who, ms: self.listed.append((task_id, result, who)),
        )
        gallery: Any = SimpleNamespace(number=7)
        self.unknown = unknown
        who: Any = SimpleNamespace(identified=lambda result: result)
        self.recognition = Recognition(dispatcher, people, unknown, recent, gallery, who, "p@1")

    async def _submit(self, data: bytes, order: Order, *, key: str | None, trace: PictureTrace) -> Answered:
        self.orders.append(order)
        trace.answered_as = self.answered_as
        return Answered(self.outcome, "t", self.answered_as or "w")

    def recognize(self, draw: bool = True, trace: PictureTrace | None = None) -> Recognised:
        return asyncio.run(self.recognition.recognize(b"picture", draw=draw, key=None, trace=trace))


@pytest.mark.parametrize(
    ("draw", "keeps", "lists", "wants"),
    [
        (True, True, True, (PICTURE, UNKNOWN, THUMBNAIL)),
        (True, False, False, (PICTURE,)),
        (False, True, True, (UNKNOWN,)),
        (False, False, True, ()),
    ],
)
def test_what_is_asked_of_the_node(draw: bool, keeps: bool, lists: bool, wants: tuple[str, ...]) -> None:
    parts = Parts()
    parts.unknown.wanted, parts.lists = keeps, lists
    parts.recognize(draw)
    assert parts.orders == [Order(kind="recognize", pack="p@1", wants=wants, state={GALLERY: 7})]


def test_a_result_that_names_its_trace_is_passed_on_as_it_came() -> None:
    parts, trace = Parts(), PictureTrace(0.0)
    found = parts.recognize(trace=trace)
    assert found == Recognised(RESULT, b"as it came", b"drawn", "w")
    assert parts.thumbnails == parts.offered == [parts.outcome]
    assert [(task_id, result) for task_id, result, _ in parts.listed] == [("t", RESULT)]
    assert (trace.faces, trace.media_type) == (0, "image/png")


def test_a_result_without_its_trace_gets_it() -> None:
    found = Parts(RESULT.model_copy(update={"task_id": "", "trace_id": ""})).recognize()
    assert found.result == RESULT and found.result_json == RESULT.model_dump_json().encode()


def test_a_picture_that_comes_again_brings_no_second_thumbnail_and_no_second_faces() -> None:
    parts = Parts()
    parts.answered_as = "earlier"
    found = parts.recognize()
    assert found.trace_id == found.result.trace_id == "earlier"
    assert parts.thumbnails == parts.offered == []


def test_a_picture_that_is_not_to_be_listed_is_not() -> None:
    parts = Parts()
    parts.lists = False
    parts.recognize()
    assert parts.listed == []


def test_an_answer_without_a_result_is_an_error() -> None:
    with pytest.raises(ManyeyesError, match="no result"):
        Parts(None).recognize()
