"""Who looks like whom among the enrolled: doubles, pairs too close, mislabelled photos, too little variety.

Distances are taken a block of rows at a time by matrix products: 10,000 photos are 50 million pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyeyes.recognition.arrays import Floats
from manyeyes.recognition.calibration import Calibration
from manyeyes.results import Caution

ALIKE_PART = 0.58
"""Photos of one person nearer than this part of a usual distance are nearly the same picture."""
_BLOCK_ROWS = 512


class Limits(NamedTuple):
    """Distances from which something is worth saying."""

    confusable: float
    """Two people this near or nearer are taken for each other: the threshold in force."""
    double: float
    """Two people this near or nearer are more likely one."""
    unlike: float
    """A photo farther than this from all others of its person is hardly of that person."""
    alike: float
    """Photos of one person all nearer than this show no variety."""

    @classmethod
    def of(cls, threshold: float, calibration: Calibration | None) -> Limits:
        """From the pack's calibration; as parts of the threshold where there is none."""
        if calibration is None:
            return cls(threshold, 0.75 * threshold, 1.1 * threshold, 0.43 * threshold)
        usual, spread = calibration.genuine_mean, calibration.genuine_sd
        return cls(threshold, min(usual, threshold), usual + 2.5 * spread, ALIKE_PART * usual)


@dataclass(frozen=True, eq=False)
class Photos:
    """n enrolled photos.

    Args:
        people: n names.
        embeddings: float32 (n, d).
        ids, files: n ids and n file names, for what is said about a photo.
    """

    people: Sequence[str]
    embeddings: Floats
    ids: Sequence[int]
    files: Sequence[str]

    def called(self, place: int) -> str:
        """`photo 12 (ada.jpg)`."""
        name = self.files[place]
        return f"photo {self.ids[place]} ({name})" if name else f"photo {self.ids[place]}"


class Near(NamedTuple):
    """The nearest photo of one person to a face."""

    name: str
    distance: float
    file: str


def check(photos: Photos, limits: Limits) -> list[Caution]:
    """Everything worth saying about the enrolled, gravest first."""
    numbers, people = _numbered(photos.people)
    close, nearest_other = _across(photos, numbers, max(limits.confusable, limits.double))
    groups = _groups(numbers, len(people))
    found = _pairs(close, people, photos, limits)
    for person, places in enumerate(groups):
        inside = _distances(photos.embeddings[places], photos.embeddings[places])
        found += _mislabelled(photos, places, inside, nearest_other, people, person, limits)
        found += _variety(photos, places, inside, people[person], limits)
    order = {"double": 0, "too-close": 1, "mislabelled": 2, "outlier": 3, "alike": 4, "one-photo": 5}
    return sorted(found, key=lambda caution: (order[caution.kind], caution.value or 0.0))


def nearest_people(faces: Floats, photos: Photos, within: float) -> list[list[Near]]:
    """For each of faces (m, d), the people with a photo within a distance, nearest first."""
    squared = _squared(faces, photos.embeddings)
    found: list[list[Near]] = []
    for face, row in zip(faces, squared, strict=True):
        best: dict[str, Near] = {}
        for place in np.flatnonzero(row <= within**2 + 1e-4).tolist():
            distance = float(np.linalg.norm(face - photos.embeddings[place]))
            name = photos.people[place]
            if distance <= within and (name not in best or distance < best[name].distance):
                best[name] = Near(name, distance, photos.files[place])
        found.append(sorted(best.values(), key=lambda near: near.distance))
    return found


def new_photo(file: str, others: Sequence[Near], nearest_own: float | None, limits: Limits) -> list[Caution]:
    """What is worth saying about a photo as it is enrolled.

    Args:
        others: the people beside its own whose photos are near, nearest first.
        nearest_own: the distance to the nearest other photo of its person; None for the first one.
    """
    found = [
        Caution(
            kind="same-face",
            value=round(near.distance, 3),
            limit=round(limits.confusable, 3),
            sentence=f"this face is {near.name!r} too (distance {near.distance:.2f}, up to "
            f"{limits.confusable:.2f} is taken for the same person); is one of both names wrong, or is one "
            "person enrolled twice?",
            photo=file,
            people=(near.name,),
        )
        for near in others[:3]
        if near.distance <= limits.confusable
    ]
    if nearest_own is not None and nearest_own > limits.unlike:
        found.append(
            Caution(
                kind="unlike",
                value=round(nearest_own, 3),
                limit=round(limits.unlike, 3),
                sentence=f"this face is far from all other photos of the person (distance {nearest_own:.2f}, "
                f"{limits.unlike:.2f} or less is usual); is it mislabelled?",
                photo=file,
            )
        )
    return found


def _numbered(names: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    numbers: dict[str, int] = {}
    rows = np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)
    return rows, list(numbers)


def _groups(numbers: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    order = np.argsort(numbers, kind="stable")
    ends = [0, *np.cumsum(np.bincount(numbers, minlength=count)).tolist()]
    return [order[start:end] for start, end in pairwise(ends)]


def _squared(rows: Floats, columns: Floats) -> Floats:
    lengths = (rows**2).sum(axis=1)[:, None] + (columns**2).sum(axis=1)
    found: Floats = lengths - 2.0 * rows @ columns.T
    return found


def _distances(rows: Floats, columns: Floats) -> Floats:
    found: Floats = np.linalg.norm(rows[:, None].astype(np.float32) - columns[None], axis=2)
    return found


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK_ROWS):
        yield slice(start, min(start + _BLOCK_ROWS, count))


class _Other(NamedTuple):
    distance: float
    place: int


def _across(
    photos: Photos, numbers: NDArray[np.int64], within: float
) -> tuple[dict[tuple[int, int], tuple[float, int, int]], list[_Other]]:
    """Pairs of people within a distance, by their nearest photos; and each photo's nearest other person."""
    close: dict[tuple[int, int], tuple[float, int, int]] = {}
    nearest: list[_Other] = []
    for block in _blocks(len(photos.people)):
        squared = _squared(photos.embeddings[block], photos.embeddings)
        squared[numbers[block][:, None] == numbers] = np.inf
        places = squared.argmin(axis=1)
        least = np.sqrt(np.maximum(squared[np.arange(len(places)), places], 0.0))
        nearest += [_Other(float(d), int(p)) for d, p in zip(least, places, strict=True)]
        for row, column in zip(*np.nonzero(squared <= within**2 + 1e-4), strict=True):
            one, other = int(row) + block.start, int(column)
            if one > other:
                continue
            distance = float(np.linalg.norm(photos.embeddings[one] - photos.embeddings[other]))
            a, b = int(numbers[one]), int(numbers[other])
            key = (a, b) if a < b else (b, a)
            if distance <= within and (key not in close or distance < close[key][0]):
                close[key] = (distance, one, other)
    return close, nearest


def _pairs(
    close: dict[tuple[int, int], tuple[float, int, int]], people: list[str], photos: Photos, limits: Limits
) -> list[Caution]:
    found = []
    for (a, b), (distance, one, other) in close.items():
        by = f"{photos.called(one)} and {photos.called(other)}, distance {distance:.2f}"
        if distance <= limits.double:
            kind, limit = "double", limits.double
            said = (
                f"{people[a]!r} and {people[b]!r} look like one person ({by}, up to {limit:.2f}); "
                "if they are, remove one name and add its photos to the other"
            )
        else:
            kind, limit = "too-close", limits.confusable
            said = (
                f"{people[a]!r} and {people[b]!r} are too close to tell apart ({by}, up to {limit:.2f}); "
                "add more and clearer photos of both, or lower the threshold"
            )
        found.append(
            Caution(
                kind=kind,
                value=round(distance, 3),
                limit=round(limit, 3),
                sentence=said,
                people=(people[a], people[b]),
            )
        )
    return found


def _mislabelled(
    photos: Photos,
    places: NDArray[np.int64],
    inside: Floats,
    nearest_other: list[_Other],
    people: list[str],
    person: int,
    limits: Limits,
) -> list[Caution]:
    if len(places) < 2:
        return []
    found = []
    own = np.where(np.eye(len(places), dtype=bool), np.inf, inside).min(axis=1)
    for place, nearest_own in zip(places.tolist(), own.tolist(), strict=True):
        other = nearest_other[place]
        name = photos.people[other.place] if np.isfinite(other.distance) else ""
        if name and other.distance < nearest_own and other.distance <= limits.unlike:
            kind, value, limit = "mislabelled", other.distance, nearest_own
            said = (
                f"{photos.called(place)} of {people[person]!r} is nearer to {name!r} (distance "
                f"{other.distance:.2f}) than to any other photo of {people[person]!r} ({nearest_own:.2f}); "
                "look at it, and remove it if it is mislabelled"
            )
        elif nearest_own > limits.unlike:
            kind, value, limit, name = "outlier", nearest_own, limits.unlike, ""
            said = (
                f"{photos.called(place)} of {people[person]!r} is far from all their other photos (distance "
                f"{nearest_own:.2f}, {limits.unlike:.2f} or less is usual); look at it, and remove it if it "
                "is somebody else or shows too little"
            )
        else:
            continue
        found.append(
            Caution(
                kind=kind,
                value=round(value, 3),
                limit=round(limit, 3),
                sentence=said,
                photo=photos.files[place],
                photo_id=photos.ids[place],
                people=(people[person], name) if name else (people[person],),
            )
        )
    return found


def _variety(
    photos: Photos, places: NDArray[np.int64], inside: Floats, name: str, limits: Limits
) -> list[Caution]:
    if len(places) == 1:
        said = f"{name!r} has one photo only; add two or three more, of other days, light and angles"
        return [Caution(kind="one-photo", value=1, limit=2, sentence=said, people=(name,))]
    widest = float(inside.max())
    if widest >= limits.alike:
        return []
    said = (
        f"the {len(places)} photos of {name!r} are nearly alike (largest distance {widest:.2f}, "
        f"{limits.alike:.2f} or more shows variety); add some of other days, light and angles"
    )
    return [
        Caution(
            kind="alike", value=round(widest, 3), limit=round(limits.alike, 3), sentence=said, people=(name,)
        )
    ]
