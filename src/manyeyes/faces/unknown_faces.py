"""The unknown faces that are kept: their file, which of them are alike, and like which person. For one thread."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from manyeyes.errors import EntryNotFound
from manyeyes.face_results import Enrolled, FaceOutcome
from manyeyes.faces.comparison import nearest_person
from manyeyes.faces.crops import FaceCrop, face_crops
from manyeyes.faces.groups import Groups
from manyeyes.faces.new_faces import NewFace
from manyeyes.recognition.arrays import Floats
from manyeyes.recognition.matching.vetoes import Veto, bars
from manyeyes.store.gallery import GalleryReader
from manyeyes.store.gallery_view import GalleryView
from manyeyes.store.unknown_faces import KEPT_OF_DISMISSED, KeptFace, NewUnknown, UnknownFaceRepository
from manyeyes.telemetry import log

GROUP_PART = 0.86
"""Of the pack's threshold: how near the faces of a group lie on average. Among hundreds of groups of strangers a
face meets hundreds of chances to lie within the threshold of a wrong one."""
NEAR_PART = 1.1
"""Of the pack's threshold: up to there the nearest person may be the right one, and is worth to be named."""
MOST_ENROLLED = 10
"""The most faces that are enrolled if a whole group is named: the best ones."""


@dataclass(frozen=True)
class Among:
    """What unknown faces are compared with: the gallery, read over connections of its own.

    Faces of results that another pack than `pack` gave are not kept. `within` is the pack's own threshold; `threshold_at` gives the one in force for what a view of the gallery shows.
    """

    gallery: GalleryReader
    pack: str
    embedder: str
    within: float
    threshold_at: Callable[[GalleryView], float]


@dataclass(frozen=True)
class NearestPerson:
    """The enrolled person nearest to a group.

    `known`: within the threshold in force. `near`: not far beyond the pack's own; farther away are strangers.
    """

    name: str
    distance: float
    known: bool
    near: bool


@dataclass(frozen=True)
class Group:
    """Unknown faces that are alike; `faces` best first."""

    id: int
    faces: tuple[KeptFace, ...]
    nearest: NearestPerson | None

    @property
    def seen_s(self) -> tuple[float, float]:
        """First and last time, seconds since 1970."""
        times = [face.seen_at for face in self.faces]
        return min(times), max(times)


@dataclass(frozen=True)
class _Batch:
    """New faces from outcomes: decided one by one, then written together."""

    face_ids: Iterator[int]
    group_ids: Iterator[int]
    faces: list[NewUnknown] = field(default_factory=list)
    pictures: set[str] = field(default_factory=set)
    """SHA-256 of the faces' pictures."""
    seen_again: list[str] = field(default_factory=list)
    """SHA-256 of pictures that are kept already."""


class UnknownFaces:
    """Keeps unknown faces in a file, groups those that are alike, and compares them with the enrolled people.

    Args:
        most: how many are kept; the oldest go first.

    Raises:
        sqlite3.Error, OSError: the file cannot be used; so from every call.
    """

    def __init__(self, path: Path, among: Among, most: int) -> None:
        self._among = among
        self._most = most
        self._store = UnknownFaceRepository(path, among.embedder)
        self._nearest: dict[int, tuple[int, int, NearestPerson | None]] = {}
        self._load()

    @classmethod
    def open(cls, path: Path, among: Among, most: int) -> UnknownFaces:
        """Open a file; one that is damaged is deleted and begun anew."""
        try:
            return cls(path, among, most)
        except sqlite3.DatabaseError as error:
            log().error("the file of unknown faces is damaged and is begun anew", error=str(error))
            UnknownFaceRepository.remove(path)
            return cls(path, among, most)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _load(self) -> None:
        self._groups = Groups()
        for vector in self._store.vectors():
            self._groups.add(vector.face, vector.group, vector.embedding)
        self._dismissed = self._store.dismissed()

    def __len__(self) -> int:
        return self._store.count()

    # coming and going

    def take(self, outcomes: Sequence[FaceOutcome], numbers: int, now: float) -> None:
        """Keep what outcomes of nodes bring.

        Args:
            numbers: how many an embedding of somebody enrolled has; 0 if nobody is.
        """
        if numbers and len(self._groups) and self._groups.numbers != numbers:
            log().warning("unknown faces do not fit the people and are deleted", numbers=self._groups.numbers)
            self.forget(self._groups.faces.tolist())
        next_face, next_group = self._store.next_ids()
        batch = _Batch(itertools.count(next_face), itertools.count(next_group))
        try:
            for outcome in outcomes:
                if outcome.result is None or outcome.result.pack != self._among.pack:
                    continue
                for face_crop in face_crops(outcome, numbers or self._groups.numbers):
                    self._decide(batch, face_crop, outcome.task_id, outcome.result.trace_id, now)
            self._store.add(batch.faces, batch.seen_again, now)
        except BaseException:
            self._load()
            raise
        self._groups.remove(self._store.trim(self._most))

    def _decide(self, batch: _Batch, face_crop: FaceCrop, task_id: str, trace_id: str, now: float) -> None:
        """Put a face into the batch and its group, if it is to be kept."""
        if face_crop.sha256 in batch.pictures:
            return
        if self._store.holds(face_crop.sha256):
            batch.seen_again.append(face_crop.sha256)
            return
        group = self._groups.fitting(face_crop.embedding, GROUP_PART * self._among.within)
        if group in self._dismissed:
            return
        said = face_crop.said
        face = NewUnknown(
            id=next(batch.face_ids),
            group=next(batch.group_ids) if group is None else group,
            seen_at=now,
            embedding=face_crop.embedding.astype("<f4").tobytes(),
            jpeg=face_crop.jpeg,
            sha256=face_crop.sha256,
            landmarks_px=said.landmarks_px,
            width_px=said.width_px,
            sharpness=said.sharpness,
            warnings=said.warnings,
            task_id=task_id,
            trace_id=trace_id,
        )
        batch.faces.append(face)
        batch.pictures.add(face.sha256)
        self._groups.add(face.id, face.group, face_crop.embedding)

    def expire(self, for_s: float, now: float) -> None:
        """Delete what was seen longer ago than `for_s`."""
        self._groups.remove(self._store.expire(now - for_s, now))

    def forget(self, faces: Sequence[int]) -> None:
        """Delete faces."""
        self._groups.remove(self._store.delete(faces))

    def forget_pictures(self, sha256s: set[str]) -> None:
        """Delete the faces with these pictures: enrolled before a kill kept the master from deleting them."""
        self.forget(self._store.with_digests(sha256s))

    def dismiss(self, group: int, now: float) -> None:
        """Delete a group's pictures; faces like it are not kept while its embeddings are."""
        faces = [face.id for face in self._store.faces(group)]
        if faces:
            kept = {self._groups.middle(group), *faces[-KEPT_OF_DISMISSED + 1 :]}
            self._groups.remove(self._store.dismiss(group, sorted(kept), now))
            self._dismissed.add(group)

    def forget_known(self, name: str) -> int:
        """Delete the faces that would get this name now; how many."""
        if not len(self._groups):
            return 0
        with self._among.gallery.opened(self._among.embedder) as view:
            threshold = self._among.threshold_at(view)
            photos = self._comparable(view.photos_of(name))
            vetoes = [Veto(name, row) for row in self._comparable(view.vetoes_of(name))]
        known = [
            face
            for face, distance in self._groups.near(photos, threshold)
            if not bars(vetoes, self._groups.embedding(face), name, distance)
        ]
        self.forget(known)
        return len(known)

    def _comparable(self, embeddings: Sequence[Floats]) -> Floats:
        """Those that have as many numbers as the kept faces, float32 (n, d)."""
        numbers = self._groups.numbers
        fitting = [row for row in embeddings if len(row) == numbers]
        return np.array(fitting, np.float32).reshape(len(fitting), numbers)

    # looking

    def picture(self, face: int) -> bytes | None:
        """The JPEG of a face."""
        found = self._store.picture(face)
        return found[0] if found else None

    def chosen(self, group: int, faces: Sequence[int]) -> tuple[list[NewFace], list[int]]:
        """The faces of a group to enrol, and all that are not to be kept any longer then.

        Raises:
            EntryNotFound: there is no such group, or no such face in it.
        """
        there = sorted(self._store.faces(group), key=lambda face: face.rank)
        if not there:
            raise EntryNotFound(
                f"there is no group {group} of unknown faces; 'manyeyes faces list' lists them"
            )
        if strange := set(faces) - {face.id for face in there}:
            raise EntryNotFound(
                f"face {min(strange)} is not in group {group}; 'manyeyes faces list' lists the faces of each group"
            )
        wanted = [face for face in there if face.id in faces] if faces else there[:MOST_ENROLLED]
        going = list(faces) if faces else [face.id for face in there]
        return [self._new_face(face) for face in wanted], going

    def _new_face(self, face: KeptFace) -> NewFace:
        picture = self._store.picture(face.id)
        assert picture is not None
        jpeg, landmarks_px = picture
        enrolled = Enrolled(
            embedding=tuple(self._groups.embedding(face.id).tolist()),
            embedder=self._among.embedder,
            box_xyxy_px=(0, 0, 0, 0),
            warnings=face.warnings,
            portrait_landmarks_px=landmarks_px,
        )
        return NewFace(f"face-{face.id}.jpg", jpeg, enrolled, jpeg, source="kept")

    def groups(self, gallery_version: int) -> list[Group]:
        """All groups that were not dismissed, last seen first."""
        members: dict[int, list[KeptFace]] = {}
        for face in self._store.faces():
            members.setdefault(face.group, []).append(face)
        nearest = self._nearest_people(sorted(members), gallery_version)
        found = [
            Group(group, tuple(sorted(faces, key=lambda face: face.rank)), nearest[group])
            for group, faces in members.items()
        ]
        return sorted(found, key=lambda group: group.seen_s[1], reverse=True)

    def _nearest_of(self, found: tuple[str, float] | None, threshold: float) -> NearestPerson | None:
        if found is None:
            return None
        name, distance = found
        known = distance <= threshold
        return NearestPerson(name, distance, known, known or distance <= NEAR_PART * self._among.within)

    def _nearest_people(self, groups: Sequence[int], version: int) -> dict[int, NearestPerson | None]:
        """Of each group's middle face; looked up again only when the gallery or the middle changed."""
        middles = {group: self._groups.middle(group) for group in groups}
        fresh = {
            group: found
            for group, found in self._nearest.items()
            if (version, middles.get(group)) == found[:2]
        }
        missing = [group for group in groups if group not in fresh]
        if missing:
            with self._among.gallery.opened(self._among.embedder) as view:
                threshold = self._among.threshold_at(view)
            faces = np.array([self._groups.embedding(middles[group]) for group in missing], np.float32)
            people = nearest_person(self._among.gallery, self._among.embedder, faces)
            for group, found in zip(missing, people, strict=True):
                fresh[group] = (version, middles[group], self._nearest_of(found, threshold))
        self._nearest = fresh
        return {group: fresh[group][2] for group in groups}
