"""What the pages show of people, as plain data for their elements; nothing here asks the master."""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from manyeyes.api.people import Feedback, MergePreview, Person, Photo
from manyeyes.api.unknown_faces import UnknownGroup
from manyeyes.natural_order import natural
from manyeyes.person_names import name_key
from manyeyes.results import Caution
from manyeyes.wording import several

PER_PAGE = 60
MOST_LINKS = 10
"""Of one finding: all who have one photo only may be many."""
_SOURCES = {"enrolled": "Added", "feedback": "From feedback", "kept": "From unknown faces"}
_UNITS_S = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def person_address(base: str, name: str) -> str:
    """The page of one person; `base` is the console's own address."""
    return f"{base}/people/person?name={quote(name, safe='')}"


def portrait_address(api: str, name: str, photos: int) -> str:
    """The best portrait of a person; `api` is what comes before `/v1`, and their number of photos has a browser ask again when it changes."""
    return f"{api}/v1/people-portraits/{quote(name, safe='')}?photos={photos}"


def sentence(words: str) -> str:
    """What the master notices, which begins small and ends without a stop, as a sentence."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")


def lasting(duration_s: float) -> str:
    """A duration in its largest whole unit, as "7 days"."""
    for unit_s, unit in _UNITS_S:
        if duration_s >= unit_s and duration_s % unit_s == 0:
            return several(int(duration_s // unit_s), unit)
    return f"{duration_s:g} seconds"


def initials(name: str) -> str:
    """One or two letters that stand for a person without a portrait."""
    words = [word for word in name.split() if word[0].isalnum()] or [name]
    return "".join(word[0] for word in (words if len(words) < 2 else (words[0], words[-1]))).upper()


def hue(name: str) -> int:
    """The colour of a person's initials, 0 to 359 degrees; always the same for a name."""
    return zlib.crc32(name.encode()) % 360


def folded(text: str) -> str:
    """A text as search compares it: without case and accents."""
    text = text.casefold()
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def photo_counts(people: Sequence[Person]) -> dict[str, int]:
    """How many photos each has: as long as this is the same, so is what the grid shows."""
    return {person.name: person.photos for person in people}


@dataclass(frozen=True)
class View:
    """One page of those found; `page` counts from 1."""

    people: tuple[Person, ...]
    found: int
    page: int
    pages: int


class Crowd:
    """Everybody enrolled, by name, ready to be searched."""

    def __init__(self, people: Sequence[Person]) -> None:
        keyed = sorted(
            ((folded(person.name), person) for person in people), key=lambda pair: natural(pair[0])
        )
        self._keyed = keyed
        self.photos_of = photo_counts(people)
        self.photos_by_name_key = {name_key(name): photos for name, photos in self.photos_of.items()}
        """By what names have in common that are one."""

    def __len__(self) -> int:
        return len(self._keyed)

    @property
    def names(self) -> list[str]:
        """All names, in order."""
        return [person.name for _, person in self._keyed]

    def view(self, text: str, page: int) -> View:
        """Those whose name has the text somewhere; a page that is not there any more gives the last one."""
        wanted = folded(text.strip())
        found = [person for text, person in self._keyed if wanted in text]
        pages = max(1, -(-len(found) // PER_PAGE))
        page = min(max(page, 1), pages)
        return View(tuple(found[(page - 1) * PER_PAGE : page * PER_PAGE]), len(found), page, pages)


def cards(view: View, base: str, api: str) -> list[dict[str, Any]]:
    """What the grid shows."""
    return [
        {
            "name": person.name,
            "href": person_address(base, person.name),
            "src": portrait_address(api, person.name, person.photos),
            "initials": initials(person.name),
            "hue": hue(person.name),
            "count": several(person.photos, "photo"),
        }
        for person in view.people
    ]


def photo_cards(photos: Sequence[Photo], api: str) -> list[dict[str, Any]]:
    """What a person's page shows of their photos, newest first."""
    return [
        {
            "id": photo.id,
            "fileName": photo.file_name or f"photo {photo.id}",
            "source": _SOURCES[photo.source],
            "addedAt": photo.added_at.isoformat(),
            "src": f"{api}/v1/people-photos/{photo.id}/image" if photo.has_image else "",
            "warnings": [sentence(warning.sentence) for warning in photo.warnings],
        }
        for photo in sorted(photos, key=lambda photo: photo.id, reverse=True)
    ]


def verdict(feedback: Feedback) -> str:
    """What a piece of feedback says."""
    return f"is {feedback.name}" if feedback.verdict == "is" else f"is not {feedback.name}"


def group_cards(groups: Sequence[UnknownGroup]) -> list[dict[str, Any]]:
    """What the page of unknown faces shows of its groups."""
    return [
        {
            "id": group.id,
            "count": group.count,
            "first": group.first_seen.isoformat(),
            "last": group.last_seen.isoformat(),
            "faces": [
                {
                    "id": face.id,
                    "seen": face.seen_at.isoformat(),
                    "noticed": "".join(f"\n{sentence(warning.sentence)}" for warning in face.warnings),
                }
                for face in group.faces
            ],
            "nearest": _nearest(group),
            "nearestName": group.nearest.name if group.nearest and group.nearest.near else "",
        }
        for group in groups
    ]


def _nearest(group: UnknownGroup) -> str:
    nearest = group.nearest
    if nearest is None:
        return "Nobody is enrolled yet."
    if not nearest.near:
        return "Nobody who is enrolled looks like this."
    said = f"{nearest.name} is near, at distance {nearest.distance:.2f}"
    return f"{said}: near enough for that name now." if nearest.known else f"{said}."


def whom_to_open(finding: Caution, base: str) -> list[tuple[str, str]]:
    """(name, address) of the first few a finding is about; of the first one's photo, where it is about a photo."""
    pages = [(name, person_address(base, name)) for name in finding.people[:MOST_LINKS]]
    if pages and finding.photo_id is not None:
        name, address = pages[0]
        pages[0] = name, f"{address}#photo-{finding.photo_id}"
    return pages


def merge_question(preview: MergePreview) -> tuple[str, str]:
    """What is asked before two people are merged, and what speaks for it or against it."""
    question = f"Merge {preview.name} into {preview.into}?"
    doubt = "They may be two people. " if preview.is_far else ""
    moved = f"{several(preview.photos, 'photo')} and all feedback of {preview.name} go to {preview.into}"
    return (
        question,
        f"{sentence(preview.sentence)} {doubt}{moved}. For 30 days this can be undone on their page.",
    )


def what_goes(person: Person) -> str:
    """What deleting a person deletes."""
    photos, entries = (
        several(person.photos, "photo"),
        several(len(person.feedback), "feedback entry", "feedback entries"),
    )
    return f"{photos} and {entries} of {person.name} go with the name. This cannot be undone."
