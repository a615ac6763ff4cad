"""The service for people: enrolment with comparison, the threshold, the check, feedback."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import numpy as np

from manyeyes.access.actions import Action
from manyeyes.access.audit import Audit
from manyeyes.api.people import Threshold
from manyeyes.errors import ReferenceRefused
from manyeyes.face_results import FaceOutcome
from manyeyes.faces.comparison import check_everybody, likenesses
from manyeyes.faces.crops import portrait_of
from manyeyes.faces.names import about_name, added_to, check_names
from manyeyes.faces.new_faces import AddedPhoto, Enrolment, NewFace
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
from manyeyes.wording import several

Verdict = Literal["is", "not"]


class PeopleService:
    """Enrols, renames and removes people, sets the threshold, and takes feedback.

    Each change is made together with its entry in the audit log; `who` is the name of the operator's key.

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
        audit: Audit,
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
        self._audit = audit
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

    async def rename(self, who: str, name: str, new: str) -> Person:
        """Give a person another name; raises PersonNotFound, PersonExists."""
        with self._audit.change(who, "people rename", outcome="renamed") as said:
            person = self._people.rename(name, new)
            said.detail = f"person {person.id}"
        await self._changed()
        return person

    async def about_name(self, name: str) -> list[Caution]:
        """The warnings about a name that somebody has, or is to have: see `names.about_name`."""
        others = [person.name for person in self._people.all()]
        return await asyncio.to_thread(about_name, name, others)

    async def _known_as(self, name: str) -> tuple[str, list[Caution]]:
        """The name under which a person is enrolled who is called `name`, and the warnings about it."""
        known = self._people.find(name)
        if known is None:
            return name, await self.about_name(name)
        return known.name, added_to(name, known.name)

    async def remove(self, who: str, name: str) -> None:
        """Forget a person; raises PersonNotFound."""
        person = self._people.person(name)
        detail = f"person {person.id} with {several(person.photos, 'photo')}"
        with self._audit.change(who, "people remove", outcome="removed", detail=detail):
            self._people.remove(name)
        await self._changed()

    # enrolling

    async def enrol(
        self,
        who: str,
        name: str,
        faces: Sequence[NewFace],
        *,
        what: Action = "people add",
        where_from: str = "",
    ) -> Enrolment:
        """Enrol faces under a new or known name. Returns for each its warnings: what is wrong, and who else it looks like.

        Args:
            what, where_from: for the entry in the audit log.
        """
        name, about_it = await self._known_as(name)
        embeddings = np.array([face.enrolled.embedding for face in faces], np.float32)
        said = await self._likenesses(name, embeddings, [face.file_name for face in faces])
        rows = [_photo(*one) for one in zip(faces, embeddings, said, strict=True)]
        outcome = "named" if what == "faces name" else "enrolled"
        with self._audit.change(who, what, outcome=outcome) as entry:
            known = self._people.find(name)  # anew: others may have enrolled the same person meanwhile
            before = self.photos.ids_by_digest(known.name) if known else {}
            self.photos.enrol(name, self._served.embedder, rows)
            person = self._people.person(name)
            ids = self.photos.ids_by_digest(person.name)
            new = several(len(ids) - len(before), "photo")
            entry.detail = f"person {person.id}, {new} more, {person.photos} in all{where_from}"
        await self._changed()
        await self._growth.grew(person.name)
        added = (
            AddedPhoto(
                row.file_name,
                ids[row.sha256],
                row.sha256 not in before,
                face.enrolled.box_xyxy_px if face.source == "enrolled" else None,
                row.warnings,
            )
            for row, face in zip(rows, faces, strict=True)
        )
        return Enrolment(person, tuple(added), tuple(about_it))

    async def _likenesses(self, name: str, faces: Floats, files: Sequence[str]) -> list[list[Caution]]:
        reader, embedder = self._gallery.reader, self._served.embedder
        return await asyncio.to_thread(likenesses, reader, embedder, name, faces, files, self.limits())

    async def remove_photo(self, who: str, name: str, photo_id: int) -> Person:
        """Forget one photo; raises PersonNotFound, EntryNotFound, and BadRequest for the last one."""
        person = self._people.person(name)
        detail = f"photo {photo_id} of person {person.id}"
        with self._audit.change(who, "photo remove", outcome="removed", detail=detail):
            self.photos.remove(person.name, photo_id)
        await self._changed()
        return self._people.person(person.name)

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

    async def set_threshold(self, who: str, mode: str, value: float | None) -> Threshold:
        """Set the rule, from the next picture on; raises ThresholdRefused."""
        rule = make_rule(mode, value, self._in_use, self._served.calibration)
        found = self._follow(rule)
        asked = "default" if value is None else f"{mode} {value:g}"
        with self._audit.change(who, "threshold", outcome="set") as said:
            self._settings.set_threshold_rule(rule.row)
            said.detail = f"{asked}: {found.threshold:.3f} now"
        await self._changed()
        log().info("threshold set", mode=found.mode, threshold=round(found.threshold, 4), fmr=found.fmr)
        return found

    @property
    def _in_use(self) -> InUse:
        return InUse(self._served.pack, self._served.embedder, self._served.threshold)

    def limits(self) -> Limits:
        """The distances at which a warning is given, for the gallery as it is now."""
        return Limits.of(self.threshold().threshold, self._served.calibration)

    # check

    async def check(self) -> list[Caution]:
        """The warnings about all enrolled people, most serious first, then those about names; computed in a thread."""
        reader, embedder = self._gallery.reader, self._served.embedder
        names = [person.name for person in self._people.all()]
        about_people = await asyncio.to_thread(check_everybody, reader, embedder, self.limits())
        return about_people + await asyncio.to_thread(check_names, names, self._people.of_one_name())

    # feedback

    def sealed(self, outcome: FaceOutcome) -> Result:
        """The result with a reference for each face, except those too small to name, about which nothing can be said.

        Unchanged if it has no usable embeddings of the pack in use.
        """
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
            face
            if face.too_small
            else face.model_copy(
                update={"reference": self._references.close(embedding, self._served.embedder)}
            )
            for face, embedding in zip(result.faces, embeddings, strict=True)
        )
        return result.model_copy(update={"faces": faces})

    async def give_feedback(
        self, who: str, reference: str, verdict: Verdict, name: str, file_name: str
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
        about_it: list[Caution] = []
        if verdict == "is":
            name, about_it = await self._known_as(name)
            (said,) = await self._likenesses(name, face.embedding[None], [file_name])
        else:
            name = self._people.person(name).name
        with self._audit.change(who, "feedback", outcome=verdict) as entry:
            if verdict == "not":
                added = self.feedback.add_veto(name, self._served.embedder, raw, file_name)
            else:
                photo = Photo(hashlib.sha256(raw).hexdigest(), raw, file_name, "feedback", tuple(said))
                self.photos.enrol(name, self._served.embedder, [photo])
                added = self.feedback.id_of_photo(self._people.person(name).name, photo.sha256)
            person = self._people.person(name)
            entry.detail = f"{added} of person {person.id}"
        await self._changed()
        if verdict == "is":
            await self._growth.grew(person.name)
        return next(row for row in self.feedback.all() if row.id == added), [*about_it, *said]

    async def undo_feedback(self, who: str, feedback_id: str) -> FeedbackRow:
        """Take feedback back; raises EntryNotFound."""
        with self._audit.change(who, "feedback undo", outcome="undone") as entry:
            people = {person.name: person.id for person in self._people.all()}
            row = self.feedback.undo(feedback_id)
            entry.detail = f"{row.id} of person {people[row.name]}"
        await self._changed()
        return row


def _photo(face: NewFace, embedding: Floats, likeness: Sequence[Caution]) -> Photo:
    cautions = [caution.model_copy(update={"photo": face.file_name}) for caution in face.enrolled.warnings]
    return Photo(
        sha256=hashlib.sha256(face.data).hexdigest(),
        embedding=embedding.astype("<f4").tobytes(),
        file_name=face.file_name,
        source=face.source,
        warnings=(*cautions, *likeness),
        portrait=portrait_of(face.portrait, face.file_name) or None,
        portrait_landmarks_px=face.enrolled.portrait_landmarks_px,
    )
