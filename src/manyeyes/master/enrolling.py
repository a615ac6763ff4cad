"""Photos and portraits on their way through a node: to be enrolled, or embedded again for another embedder."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import numpy as np

from manyeyes.contract import Enrolled
from manyeyes.errors import EmbedderMismatch, ManyeyesError, PackError
from manyeyes.master.desk import Answered, Desk
from manyeyes.master.packshelf import PackShelf
from manyeyes.master.people import Enrolment, NewFace, PeopleOffice
from manyeyes.master.records import Portrait
from manyeyes.master.registry import Registry
from manyeyes.master.way import Asker, Way, following
from manyeyes.recognition.arrays import Floats
from manyeyes.traces import trace_of


@dataclass(frozen=True)
class NewPhoto:
    """An enrolment photo as it was sent."""

    file_name: str
    data: bytes


class Enrolling:
    """Of one master."""

    def __init__(self, desk: Desk, office: PeopleOffice, registry: Registry, shelf: PackShelf) -> None:
        self._desk = desk
        self._office = office
        self._registry = registry
        self._shelf = shelf

    async def add_person(
        self, name: str, photos: list[NewPhoto], *, asker: Asker | None = None, traceparent: str | None = None
    ) -> Enrolment:
        """Enrol all photos or none, with what is worth saying about each.

        Raises:
            ManyeyesError: the first photo's error, naming its file.
        """

        async def enrol(photo: NewPhoto) -> Answered:
            trace = trace_of(traceparent)
            try:
                with following(Way(time.monotonic(), trace, "enrol", asker or Asker())) as way:
                    way.accepted(len(photo.data), "", time.monotonic())
                    return await self._desk.submit(
                        photo.data,
                        operation="enrol",
                        pack=self._shelf.pack,
                        gallery_version=0,
                        draw=False,
                        way=way,
                    )
            except ManyeyesError as error:
                told = type(error)(f"{photo.file_name}: {error.detail}", retry_after_s=error.retry_after_s)
                told.trace_id = error.trace_id
                raise told from error

        answers = await asyncio.gather(*(enrol(photo) for photo in photos), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        faces = []
        for photo, answer in zip(photos, answers, strict=True):
            assert isinstance(answer, Answered)
            enrolled = self._of_this_embedder(photo.file_name, answer)
            faces.append(NewFace(photo.file_name, photo.data, enrolled, answer.picture))
        return await self._office.enrol(name, faces)

    def _of_this_embedder(self, file_name: str, answer: Answered) -> Enrolled:
        enrolled = answer.outcome.enrolled
        if enrolled is None:
            raise PackError(
                f"the pack {self._shelf.pack} gave no embedding for {file_name}; is it one for faces?"
            )
        if enrolled.embedder != self._shelf.embedder:
            raise EmbedderMismatch(
                f"{file_name}: a node embedded it with {enrolled.embedder or 'an unknown embedder'}, "
                f"this master's pack {self._shelf.pack} uses {self._shelf.embedder}; restart that node"
            )
        known = self._registry.embedding_numbers(enrolled.embedder)
        seen = len(enrolled.embedding)
        if not np.isfinite(enrolled.embedding).all() or not seen or known not in (0, seen):
            raise EmbedderMismatch(
                f"{file_name}: a node gave an embedding of {seen} numbers, {known or 'finite ones'} are needed; "
                "look at that node"
            )
        return enrolled

    async def embed_portrait(self, portrait: Portrait) -> Floats:
        """A kept portrait's embedding by the embedder in use, float32 (n,)."""
        with following(Way(time.monotonic(), operation="embed")) as way:
            way.accepted(len(portrait.content), "", time.monotonic())
            answer = await self._desk.submit(
                portrait.content,
                operation="embed",
                pack=self._shelf.pack,
                gallery_version=0,
                draw=False,
                landmarks_px=portrait.landmarks_px,
                way=way,
            )
        return np.asarray(self._of_this_embedder(portrait.file_name, answer).embedding, np.float32)
