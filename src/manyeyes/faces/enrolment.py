"""Sends photos to a node to enrol them, and portraits to embed them again for another embedder."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import numpy as np

from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.dispatch.order import Answered, Order
from manyeyes.dispatch.trace import PictureTrace, Sender, following
from manyeyes.errors import EmbedderMismatch, ManyeyesError, PackError
from manyeyes.face_results import Enrolled, FaceOutcome
from manyeyes.faces.new_faces import Enrolment, NewFace
from manyeyes.faces.people import PeopleService
from manyeyes.packs.served import ServedPack
from manyeyes.recognition.arrays import Floats
from manyeyes.store.gallery import GalleryRepository
from manyeyes.store.photos import Portrait
from manyeyes.traces import trace_of


@dataclass(frozen=True)
class NewPhoto:
    """An enrolment photo as it was sent."""

    file_name: str
    data: bytes


class Enrolling:
    """Sends photos and portraits to nodes for their embeddings, and enrols the faces."""

    def __init__(
        self, dispatcher: Dispatcher, service: PeopleService, gallery: GalleryRepository, served: ServedPack
    ) -> None:
        self._dispatcher = dispatcher
        self._service = service
        self._gallery = gallery
        self._served = served

    async def add_person(
        self,
        who: str,
        name: str,
        photos: list[NewPhoto],
        *,
        sender: Sender | None = None,
        traceparent: str | None = None,
    ) -> Enrolment:
        """Enrol all photos or none. Returns warnings for each.

        Args:
            who: the name of the operator's key, for the audit log.

        Raises:
            ManyeyesError: the first photo's error, naming its file.
        """

        async def enrol(photo: NewPhoto) -> Answered:
            trace = trace_of(traceparent)
            try:
                with following(PictureTrace(time.monotonic(), trace, "enrol", sender or Sender())) as told:
                    told.accepted(len(photo.data), "", time.monotonic())
                    order = Order(kind="enrol", pack=self._served.pack)
                    return await self._dispatcher.submit(photo.data, order, trace=told)
            except ManyeyesError as error:
                named = type(error)(f"{photo.file_name}: {error.detail}", retry_after_s=error.retry_after_s)
                named.trace_id = error.trace_id
                raise named from error

        answers = await asyncio.gather(*(enrol(photo) for photo in photos), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        faces = []
        for photo, answer in zip(photos, answers, strict=True):
            assert isinstance(answer, Answered)
            enrolled = self._of_this_embedder(photo.file_name, answer)
            faces.append(NewFace(photo.file_name, photo.data, enrolled, answer.content.picture))
        return await self._service.enrol(who, name, faces)

    def _of_this_embedder(self, file_name: str, answer: Answered) -> Enrolled:
        outcome: FaceOutcome = answer.content
        enrolled = outcome.enrolled
        if enrolled is None:
            raise PackError(
                f"the pack {self._served.pack} gave no embedding for {file_name}; is it one for faces?"
            )
        if enrolled.embedder != self._served.embedder:
            raise EmbedderMismatch(
                f"{file_name}: a node embedded it with {enrolled.embedder or 'an unknown embedder'}, "
                f"this master's pack {self._served.pack} uses {self._served.embedder}; restart that node"
            )
        known = self._gallery.embedding_numbers(enrolled.embedder)
        seen = len(enrolled.embedding)
        if not np.isfinite(enrolled.embedding).all() or not seen or known not in (0, seen):
            raise EmbedderMismatch(
                f"{file_name}: a node gave an embedding of {seen} numbers, {known or 'finite ones'} are needed; "
                "look at that node"
            )
        return enrolled

    async def embed_portrait(self, portrait: Portrait) -> Floats:
        """A kept portrait's embedding by the embedder in use, float32 (n,)."""
        with following(PictureTrace(time.monotonic(), operation="embed")) as told:
            told.accepted(len(portrait.content), "", time.monotonic())
            options = {"landmarks_px": portrait.landmarks_px}
            order = Order(kind="embed", pack=self._served.pack, options=options)
            answer = await self._dispatcher.submit(portrait.content, order, trace=told)
        return np.asarray(self._of_this_embedder(portrait.file_name, answer).embedding, np.float32)
