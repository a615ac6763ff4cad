"""Faces that are to be enrolled, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from manyeyes.face_results import Enrolled
from manyeyes.results import Caution
from manyeyes.store.people import Person


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
    is_new: bool
    """False if the person had this photo before."""
    box_xyxy_px: tuple[int, int, int, int] | None
    warnings: tuple[Caution, ...]


@dataclass(frozen=True)
class Enrolment:
    """The result of an enrolment: the person as they are now, and each photo."""

    person: Person
    added: tuple[AddedPhoto, ...]
    about_name: tuple[Caution, ...] = ()

    @property
    def warnings(self) -> list[Caution]:
        """The warnings about the name and about all photos."""
        return [*self.about_name, *(warning for photo in self.added for warning in photo.warnings)]
