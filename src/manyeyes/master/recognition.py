"""Recognises one picture: what the node is asked for, and how its answer is used."""

from __future__ import annotations

import time
from dataclasses import dataclass

from manyeyes.api.videos import Still
from manyeyes.contract import PICTURE
from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.dispatch.order import Answered, Order
from manyeyes.dispatch.trace import PictureTrace
from manyeyes.errors import ManyeyesError
from manyeyes.face_results import GALLERY, THUMBNAIL, UNKNOWN, FaceOutcome
from manyeyes.faces.gallery_version import GalleryVersion
from manyeyes.faces.people import PeopleService
from manyeyes.faces.result_people import ResultPeople
from manyeyes.faces.unknown_service import UnknownFacesService
from manyeyes.monitoring.recent_pictures import Recent
from manyeyes.results import Result


@dataclass(frozen=True)
class Recognised:
    """A picture's answer as its sender gets it."""

    result: Result
    result_json: bytes
    picture: bytes
    """The predicted picture; empty if none was asked for."""
    trace_id: str
    """The trace of the work. If the picture was sent twice with one idempotency key, the first one's trace."""


class Recognition:
    """Sends pictures to nodes for recognition and completes their results.

    Args:
        pack: the one in use, as `faces@1.0.0`.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        people: PeopleService,
        unknown: UnknownFacesService,
        recent: Recent,
        gallery: GalleryVersion,
        result_people: ResultPeople,
        pack: str,
    ) -> None:
        self._dispatcher = dispatcher
        self._people = people
        self._unknown = unknown
        self._recent = recent
        self._gallery = gallery
        self.result_people = result_people
        """Adds the ids of people to results, and says who has an id by now."""
        self._pack = pack

    async def recognize(
        self,
        data: bytes,
        *,
        draw: bool,
        key: str | None,
        trace: PictureTrace | None = None,
        still: Still | None = None,
    ) -> Recognised:
        """Recognise a picture; see `Dispatcher.submit`. The result names the trace of the work.

        Args:
            still: which still of a video it is, if it is one.

        Raises:
            ManyeyesError: the picture's own error, or this master's.
        """
        began_s, listed = time.monotonic(), self._recent.wants()
        trace = trace or PictureTrace(began_s)
        answered = await self._dispatcher.submit(data, self._order(draw, listed), key=key, trace=trace)
        outcome: FaceOutcome = answered.content
        if outcome.result is None:
            raise ManyeyesError("the node's answer holds no result; its pack may be for something else")
        if not trace.answered_as:
            self._recent.thumbnail(outcome)
            self._unknown.offer(outcome)
        result = _traced(self.result_people.identified(self._people.sealed(outcome)), answered)
        trace.faces, trace.media_type = len(result.faces), result.media_type
        if listed:
            took_ms = (time.monotonic() - began_s) * 1000
            self._recent.add(answered.task_id, result, trace.sender.name, took_ms)
        if still is not None:
            self._recent.videos.add(still, result, trace.sender.name)
        unchanged = result is outcome.result
        result_json = outcome.result_json if unchanged else result.model_dump_json().encode()
        return Recognised(result, result_json, outcome.picture, answered.trace_id)

    def _order(self, draw: bool, listed: bool) -> Order:
        wants = [name for name, wanted in ((PICTURE, draw), (UNKNOWN, self._unknown.wanted)) if wanted]
        if listed and draw:
            wants.append(THUMBNAIL)
        return Order(
            kind="recognize", pack=self._pack, wants=tuple(wants), state={GALLERY: self._gallery.number}
        )


def _traced(result: Result, answered: Answered) -> Result:
    """The result with the task and the trace of its answer; the same object if it has them already."""
    if (result.task_id, result.trace_id) == (answered.task_id, answered.trace_id):
        return result
    return result.model_copy(update={"task_id": answered.task_id, "trace_id": answered.trace_id})
