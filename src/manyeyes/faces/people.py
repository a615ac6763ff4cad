"""The service for people: enrolment with comparison, the threshold, the check, feedback."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from manyeyes.api.people import Threshold
from manyeyes.errors import ReferenceRefused
from manyeyes.face_results import Enrolled, FaceOutcome
from manyeyes.faces.comparison import check_everybody, likenesses
from manyeyes.faces.crops import portrait_of
from manyeyes.faces.person_growth import PersonGrowth
from manyeyes.faces.references import FaceReferences
from manyeyes.faces.threshold import InUse, Rule, follow, make_rule
from manyeyes.natural_order import natural
from manyeyes.packs.served import ServedPack
from manyeyes.recognition.arrays import Floats, from_half_precision
from manyeyes.recognition.enrolment.likeness import Limits
from manyeyes.results import Caution, Result
from manyeyes.store.feedback import FeedbackRepository, FeedbackRow
from manyeyes.store.gallery import GalleryRepository
from manyeyes.store.gallery_view import GalleryView
from manyeyes.store.people import PeopleRepository, Person
from manyeyes.store.photos import Photo, PhotoRepository
from manyeyes.store.settings import SettingsRepository
from manyeyes.telemetry import log

Verdict = Literal["is", "not"]


@dataclass(frozen=True)
class NewFace:
    """A photo to enrol, with what a node saw in it; `portrait` may be empty."""

    file_name: str
    data: bytes
    enrolled: Enrolled
    portrait: bytes
    source: Literal["enrolled", "kept"] = "enrolled"
    """`kept`: an unknown face that was given a name."""


@dataclass(frozen=True)
class AddedPhoto:
    """An enrolled photo with its warnings.

    `box_xyxy_px` is the face's box in the photo that was sent; None for an unknown face that was named.
    """

    file_name: str
    photo_id: int
    box_xyxy_px: tuple[int, int, int, int] | None
    warnings: tuple[Caution, ...]


@dataclass(frozen=True)
class Enrolment:
    """The result of an enrolment: the person as they are now, and each photo."""

    person: Person
    added: tuple[AddedPhoto, ...]

    @property
    def warnings(self) -> list[Caution]:
        """The warnings of all photos."""
        return [warning for photo in self.added for warning in photo.warnings]


class PeopleService:
    """Enrols, renames and removes people, sets the threshold, and takes feedback.

    Args:
        changed: tells the nodes that the gallery has changed.
        growth: is told of each person who has new photos.
    """

    def __init__(
        self,
        people: PeopleRepository,
        photos: PhotoRepository,
        feedback: FeedbackRepository,
        gallery: GalleryRepository,
        settings: SettingsRepository,
        references: FaceReferences,
        served: ServedPack,
        changed: Callable[[], Awaitable[None]],
        growth: PersonGrowth,
    ) -> None:
        self.photos = photos
        self.feedback = feedback
        self._people = people
        self._gallery = gallery
        self._settings = settings
        self._references = references
        self._served = served
        self._changed = changed
        self._growth = growth

    # who there is

    def everybody(self) -> list[Person]:
        """Everybody enrolled, by name."""
        return sorted(self._people.all(), key=lambda person: natural(person.name))

    def person(self, name: str) -> Person:
        """One person; raises PersonNotFound."""
        return self._people.person(name)

    async def rename(self, name: str, new: str) -> Person:
        """Give a person another name; raises PersonNotFound, PersonExists."""
        person = self._people.rename(name, new)
        await self._changed()
        return person

    async def remove(self, name: str) -> None:
        """Forget a person; raises PersonNotFound."""
        self._people.remove(name)
        await self._changed()

    # enrolling

    async def enrol(self, name: str, faces: Sequence[NewFace]) -> Enrolment:
        """Enrol faces under a new or known name. Returns for each its warnings: what is wrong, and who else it looks like."""
        embeddings = np.array([face.enrolled.embedding for face in faces], np.float32)
        said = await self._likenesses(name, embeddings, [face.file_name for face in faces])
        rows = []
        for face, embedding, likeness in zip(faces, embeddings, said, strict=True):
            cautions = [
                caution.model_copy(update={"photo": face.file_name}) for caution in face.enrolled.warnings
            ]
            rows.append(
                Photo(
                    sha256=hashlib.sha256(face.data).hexdigest(),
                    embedding=embedding.astype("<f4").tobytes(),
                    file_name=face.file_name,
                    source=face.source,
                    warnings=(*cautions, *likeness),
                    portrait=portrait_of(face.portrait, face.file_name) or None,
                    portrait_landmarks_px=face.enrolled.portrait_landmarks_px,
                )
            )
        self.photos.enrol(name, self._served.embedder, rows)
        person = self._people.person(name)
        ids = self.photos.ids_by_digest(name)
        await self._changed()
        await self._growth.grew(name)
        added = (
            AddedPhoto(
                row.file_name,
                ids[row.sha256],
                face.enrolled.box_xyxy_px if face.source == "enrolled" else None,
                row.warnings,
            )
            for row, face in zip(rows, faces, strict=True)
        )
        return Enrolment(person, tuple(added))

    async def _likenesses(self, name: str, faces: Floats, files: Sequence[str]) -> list[list[Caution]]:
        reader, embedder = self._gallery.reader, self._served.embedder
        return await asyncio.to_thread(likenesses, reader, embedder, name, faces, files, self._limits())

    async def remove_photo(self, name: str, photo_id: int) -> Person:
        """Forget one photo; raises PersonNotFound, EntryNotFound, and BadRequest for the last one."""
        self._people.person(name)
        self.photos.remove(name, photo_id)
        await self._changed()
        return self._people.person(name)

    async def merge(self, name: str, into: str) -> Person:
        """Move all photos and feedback of one person to another; raises PersonNotFound, BadRequest."""
        self._people.merge(name, into)
        await self._changed()
        await self._growth.grew(into)
        return self._people.person(into)

    # threshold

    def threshold(self) -> Threshold:
        """The threshold in force for the gallery as it is now."""
        return self._follow(Rule.stored(self._settings.threshold_rule()))

    def preview_threshold(self, mode: str, value: float | None) -> Threshold:
        """The threshold that a rule would give for the gallery as it is now; raises ThresholdRefused."""
        return self._follow(make_rule(mode, value, self._in_use, self._served.calibration))

    def _follow(self, rule: Rule) -> Threshold:
        return follow(
            rule,
            self._served.calibration,
            self._gallery.photo_counts(self._served.embedder),
            self._in_use,
        )

    def threshold_at(self, view: GalleryView) -> float:
        """The threshold in force for what a view of the gallery shows; for threads."""
        rule = Rule.stored(view.threshold_rule())
        counts = view.photo_counts() if rule.mode == "fmr" else {}
        return follow(rule, self._served.calibration, counts, self._in_use).threshold

    async def set_threshold(self, mode: str, value: float | None) -> Threshold:
        """Set the rule, from the next picture on; raises ThresholdRefused."""
        rule = make_rule(mode, value, self._in_use, self._served.calibration)
        self._settings.set_threshold_rule(rule.row)
        await self._changed()
        found = self.threshold()
        log().info("threshold set", mode=found.mode, threshold=round(found.threshold, 4), fmr=found.fmr)
        return found

    @property
    def _in_use(self) -> InUse:
        return InUse(self._served.pack, self._served.embedder, self._served.threshold)

    def _limits(self) -> Limits:
        return Limits.of(self.threshold().threshold, self._served.calibration)

    # check

    async def check(self) -> list[Caution]:
        """The warnings about all enrolled people; computed in a thread."""
        reader, embedder = self._gallery.reader, self._served.embedder
        return await asyncio.to_thread(check_everybody, reader, embedder, self._limits())

    # feedback

    def sealed(self, outcome: FaceOutcome) -> Result:
        """The result with a reference for each face. Unchanged if it has no usable embeddings of the pack in use."""
        result = outcome.result
        assert result is not None
        if not outcome.embeddings or result.pack != self._served.pack:
            return result
        try:
            embeddings = from_half_precision(outcome.embeddings, len(result.faces))
        except ValueError as error:
            log().warning("a node's embeddings cannot be read", error=str(error))
            return result
        faces = tuple(
            face.model_copy(update={"reference": self._references.close(embedding, self._served.embedder)})
            for face, embedding in zip(result.faces, embeddings, strict=True)
        )
        return result.model_copy(update={"faces": faces})

    async def give_feedback(
        self, reference: str, verdict: Verdict, name: str, file_name: str
    ) -> tuple[FeedbackRow, list[Caution]]:
        """Have later answers say that the face of a reference is, or is not, a person.

        Raises:
            ReferenceRefused: it was altered, or is of another master or another pack.
            PersonNotFound: the face is said not to be a person who is not enrolled.
        """
        face = self._references.open(reference)
        if face.embedder != self._served.embedder:
            raise ReferenceRefused(
                f"the reference was made by the embedder {face.embedder}, in use is {self._served.embedder} of "
                f"{self._served.pack}, whose distances mean something else; send the picture again and use "
                "the new result"
            )
        said: list[Caution] = []
        raw = face.embedding.astype("<f4").tobytes()
        if verdict == "not":
            added = self.feedback.add_veto(name, self._served.embedder, raw, file_name)
        else:
            alone = face.embedding[None]
            (said,) = await self._likenesses(name, alone, [file_name])
            photo = Photo(hashlib.sha256(raw).hexdigest(), raw, file_name, "feedback", tuple(said))
            self.photos.enrol(name, self._served.embedder, [photo])
            added = self.feedback.id_of_photo(name, photo.sha256)
        await self._changed()
        if verdict == "is":
            await self._growth.grew(name)
        return next(row for row in self.feedback.all() if row.id == added), said

    async def undo_feedback(self, feedback_id: str) -> FeedbackRow:
        """Take feedback back; raises EntryNotFound."""
        row = self.feedback.undo(feedback_id)
        await self._changed()
        return row
