"""Finds enrolled people who look alike: doubles, pairs too close, mislabelled photos, too little variety.

Distances are computed by matrix products, a block of rows at a time: 10,000 photos have 50 million pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyeyes.recognition.arrays import Floats
from manyeyes.recognition.matching.calibration import Calibration
from manyeyes.results import Caution

ALIKE_PART = 0.58
"""Photos of one person nearer than this part of the usual distance are nearly the same picture."""
MOST_PAIRS = 200
"""The most pairs of people too close to tell apart that are listed one by one."""
_BLOCK_ROWS = 512


class Limits(NamedTuple):
    """Distances at which a finding is reported."""

    confusable: float
    """Two people at this distance or less are confused: the current threshold."""
    double: float
    """Two people at this distance or less are probably one person."""
    unlike: float
    """A photo farther than this from all other photos of its person is probably of somebody else."""
    alike: float
    """Photos of one person that are all nearer to each other than this show no variety."""

    @classmethod
    def of(cls, threshold: float, calibration: Calibration | None) -> Limits:
        """Limits from the pack's calibration, or as parts of the threshold if there is none."""
        if calibration is None:
            return cls(threshold, 0.75 * threshold, 1.1 * threshold, 0.43 * threshold)
        usual, spread = calibration.genuine_mean, calibration.genuine_sd
        return cls(threshold, usual, usual + 2.5 * spread, ALIKE_PART * usual)

    @property
    def same_face(self) -> float:
        """The limit at enrolment for photos of others: `confusable`, kept between `double` and `unlike`."""
        return max(self.double, min(self.confusable, self.unlike))

    def like_another(self, distance: float) -> tuple[float, str]:
        """The limit for a photo as near as this to somebody else's, and what it means, in the same words everywhere."""
        if distance <= self.double:
            return self.double, f"up to {self.double:.2f} it is probably one person"
        return self.same_face, f"up to {self.same_face:.2f} two people can be mixed up"


@dataclass(frozen=True, eq=False)
class Photos:
    """n enrolled photos.

    Args:
        people: n names.
        embeddings: float32 (n, d).
        ids, files: n ids and n file names, for messages about a photo.
    """

    people: Sequence[str]
    embeddings: Floats
    ids: Sequence[int]
    files: Sequence[str]

    def called(self, place: int) -> str:
        """The photo at a place, as messages name it: `photo 12 (ada.jpg)`."""
        name = self.files[place]
        return f"photo {self.ids[place]} ({name})" if name else f"photo {self.ids[place]}"


class Near(NamedTuple):
    """The nearest photo of one person to a face."""

    name: str
    distance: float
    file: str


def check(photos: Photos, limits: Limits) -> list[Caution]:
    """All findings about the enrolled people, most serious first.

    Photos that look mislabelled are left out when people are compared: one such photo would make two people
    look like one.
    """
    numbers, people = _numbered(photos.people)
    groups = _groups(numbers, len(people))
    everybody = np.ones(len(numbers), bool)
    other_distance, other_place = _nearest_others(photos.embeddings, numbers, everybody)
    own = _nearest_own(photos.embeddings, groups)
    astray = (own > limits.unlike) & np.isfinite(own) & (other_distance <= limits.unlike)
    if astray.any():
        other_distance, other_place = _nearest_others(photos.embeddings, numbers, ~astray)
    close = _close_pairs(photos.embeddings, groups, ~astray, max(limits.confusable, limits.double))
    found = _pairs(close, photos, limits)
    doubles = {caution.people for caution in found if caution.kind == "double"}
    for place in np.flatnonzero(np.isfinite(own) & ((other_distance < own) | (own > limits.unlike))).tolist():
        owner, other = photos.people[place], photos.people[int(other_place[place])]
        if (owner, other) in doubles or (other, owner) in doubles:
            continue
        distances = float(own[place]), float(other_distance[place])
        found += _odd_photo(photos, place, other, *distances, limits)
    found += _variety(photos, groups, people, limits)
    order = ("double", "too-close", "more-too-close", "mislabelled", "outlier", "alike", "one-photo")
    return sorted(found, key=lambda caution: (order.index(caution.kind), caution.value or 0.0))


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
    """Warnings about a photo at its enrolment.

    Args:
        others: other people whose photos are near, nearest first.
        nearest_own: the distance to the nearest other photo of its person; None for the first one.
    """
    found = [
        Caution(
            kind="same-face",
            value=round(near.distance, 3),
            limit=round(limits.like_another(near.distance)[0], 3),
            sentence=f"this face looks like '{near.name}' (distance {near.distance:.2f}; "
            f"{limits.like_another(near.distance)[1]}); is one of the names wrong, or is one person enrolled twice?",
            photo=file,
            people=(near.name,),
        )
        for near in others[:3]
        if near.distance <= limits.same_face
    ]
    if nearest_own is not None and nearest_own > limits.unlike:
        found.append(
            Caution(
                kind="unlike",
                value=round(nearest_own, 3),
                limit=round(limits.unlike, 3),
                sentence=f"this face is far from all other photos of the person (distance {nearest_own:.2f}; "
                f"photos of one person are usually below {limits.unlike:.2f}); is it mislabelled?",
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


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK_ROWS):
        yield slice(start, min(start + _BLOCK_ROWS, count))


def _nearest_others(
    embeddings: Floats, numbers: NDArray[np.int64], counts: NDArray[np.bool_]
) -> tuple[Floats, NDArray[np.int64]]:
    """For each photo, the distance to somebody else's nearest photo (inf if none), and that photo's place.

    Only photos that are true in `counts` can be the nearest.
    """
    distances = np.empty(len(numbers), np.float32)
    places = np.empty(len(numbers), np.int64)
    for block in _blocks(len(numbers)):
        squared = _squared(embeddings[block], embeddings)
        squared[(numbers[block][:, None] == numbers) | ~counts] = np.inf
        places[block] = squared.argmin(axis=1)
        distances[block] = np.linalg.norm(embeddings[block] - embeddings[places[block]], axis=1)
        distances[block][~np.isfinite(squared.min(axis=1))] = np.inf
    return distances, places


def _inside(embeddings: Floats, places: NDArray[np.int64]) -> Floats:
    rows = embeddings[places]
    found: Floats = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    return found


def _nearest_own(embeddings: Floats, groups: list[NDArray[np.int64]]) -> Floats:
    """For each photo, the distance to the nearest other photo of its person; inf if there is no other."""
    found = np.full(len(embeddings), np.inf, np.float32)
    for places in groups:
        if len(places) > 1:
            inside = _inside(embeddings, places)
            np.fill_diagonal(inside, np.inf)
            found[places] = inside.min(axis=1)
    return found


class _Pair(NamedTuple):
    distance: float
    one: int
    other: int


class _Close(NamedTuple):
    """How many pairs of people are close, and the closest of them, nearest first."""

    total: int
    pairs: list[_Pair]


def _close_pairs(
    embeddings: Floats, groups: list[NDArray[np.int64]], counts: NDArray[np.bool_], within: float
) -> _Close:
    """Pairs of people within a distance, each with its two nearest photos.

    Only photos that are true in `counts` are compared.
    """
    if not groups:
        return _Close(0, [])
    order = np.concatenate(groups)
    rows, out = embeddings[order], ~counts[order]
    starts = np.cumsum([0, *(len(places) for places in groups[:-1])])
    squares, ones, others = [np.empty(0, np.float32)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    number, total = np.arange(len(groups)), 0
    for people in _whole_people(starts, len(order)):
        begin = int(starts[people.start])
        end = int(starts[people.stop]) if people.stop < len(groups) else len(order)
        squared = _squared(rows[begin:end], rows)
        squared[:, out] = np.inf
        squared[out[begin:end]] = np.inf
        by_person = np.minimum.reduceat(squared, starts, axis=1)
        by_both = np.minimum.reduceat(by_person, starts[people] - begin, axis=0)
        near = (by_both <= within**2) & (number > number[people][:, None])
        one, other = np.nonzero(near)
        square = by_both[one, other]
        total += len(square)
        kept = np.argsort(square)[:MOST_PAIRS]
        squares.append(square[kept])
        ones.append(one[kept] + people.start)
        others.append(other[kept])
    least = np.argsort(np.concatenate(squares))[:MOST_PAIRS]
    chosen = zip(np.concatenate(ones)[least].tolist(), np.concatenate(others)[least].tolist(), strict=True)
    return _Close(total, sorted(_nearest_two(embeddings, groups[a], groups[b], counts) for a, b in chosen))


def _whole_people(starts: NDArray[np.int64], count: int) -> Iterator[slice]:
    """Slices of people with about `_BLOCK_ROWS` photos together."""
    first = 0
    while first < len(starts):
        after = int(np.searchsorted(starts, starts[first] + _BLOCK_ROWS))
        yield slice(first, max(after, first + 1))
        first = max(after, first + 1)


def _nearest_two(
    embeddings: Floats, mine: NDArray[np.int64], theirs: NDArray[np.int64], counts: NDArray[np.bool_]
) -> _Pair:
    mine, theirs = mine[counts[mine]], theirs[counts[theirs]]
    distances = np.linalg.norm(embeddings[mine][:, None] - embeddings[theirs][None], axis=2)
    a, b = np.unravel_index(int(distances.argmin()), distances.shape)
    return _Pair(float(distances[a, b]), int(mine[a]), int(theirs[b]))


def _pairs(close: _Close, photos: Photos, limits: Limits) -> list[Caution]:
    found: list[Caution] = []
    for pair in close.pairs:
        a, b = photos.people[pair.one], photos.people[pair.other]
        by = f"{photos.called(pair.one)} and {photos.called(pair.other)}, distance {pair.distance:.2f}"
        if pair.distance <= limits.double:
            kind = "double"
            limit, meaning = limits.like_another(pair.distance)
            said = f"'{a}' and '{b}' look like one person ({by}; {meaning}); if they are, merge them with 'manyeyes people merge'"
        else:
            kind, limit = "too-close", limits.confusable
            said = (
                f"'{a}' and '{b}' are too close to tell apart ({by}, the threshold is {limit:.2f}); "
                "add more and clearer photos of both, or lower the threshold"
            )
        figures = {"value": round(pair.distance, 3), "limit": round(limit, 3)}
        found.append(Caution(kind=kind, sentence=said, people=(a, b), **figures))
    more = close.total - len(close.pairs)
    if more:
        said = (
            f"{more} more pairs of people are nearer than the threshold of "
            f"{limits.confusable:.2f}; it is too high for so many people: see 'manyeyes people threshold'"
        )
        found.append(Caution(kind="more-too-close", value=more, limit=0, sentence=said))
    return found


def _odd_photo(
    photos: Photos, place: int, other: str, own: float, nearest_other: float, limits: Limits
) -> list[Caution]:
    owner = photos.people[place]
    if nearest_other < own and nearest_other <= limits.unlike:
        kind, value, limit = "mislabelled", nearest_other, own
        people: tuple[str, ...] = (owner, other)
        said = (
            f"{photos.called(place)} of '{owner}' is nearer to '{other}' (distance {nearest_other:.2f}) than "
            f"to any other photo of '{owner}' ({own:.2f}); look at it, and remove it if it is mislabelled"
        )
    elif own > limits.unlike:
        kind, value, limit = "outlier", own, limits.unlike
        people = (owner,)
        said = (
            f"{photos.called(place)} of '{owner}' is far from all their other photos (distance {own:.2f}; "
            f"photos of one person are usually below {limits.unlike:.2f}); look at it, and remove it if it is somebody else or "
            "shows too little"
        )
    else:
        return []
    return [
        Caution(
            kind=kind,
            value=round(value, 3),
            limit=round(limit, 3),
            sentence=said,
            photo=photos.files[place],
            photo_id=photos.ids[place],
            people=people,
        )
    ]


def _variety(
    photos: Photos, groups: list[NDArray[np.int64]], people: list[str], limits: Limits
) -> list[Caution]:
    found = []
    for name, places in zip(people, groups, strict=True):
        widest = float(_inside(photos.embeddings, places).max()) if len(places) > 1 else np.inf
        if widest < limits.alike:
            said = (
                f"the {len(places)} photos of '{name}' are nearly alike (largest distance {widest:.2f}, "
                f"{limits.alike:.2f} or more shows variety); add some of other days, light and angles"
            )
            figures = {"value": round(widest, 3), "limit": round(limits.alike, 3)}
            found.append(Caution(kind="alike", sentence=said, people=(name,), **figures))
    alone = tuple(name for name, places in zip(people, groups, strict=True) if len(places) == 1)
    if alone:
        count = "1 person has" if len(alone) == 1 else f"{len(alone)} people have"
        listed = ", ".join(f"'{name}'" for name in alone[:10]) + (", …" if len(alone) > 10 else "")
        said = f"{count} one photo only: {listed}; add two or three more, of other days, light and angles"
        found.append(Caution(kind="one-photo", value=len(alone), limit=0, sentence=said, people=alone))
    return found
