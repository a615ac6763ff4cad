"""Measures a recogniser on an operator's own pictures: faces, distances, and a threshold between people."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from manyeyes.errors import FileTrouble, ManyeyesError
from manyeyes.local_files import MOST_PICTURE_BYTES, read_whole
from manyeyes.recognition.embedding.align import cut_chips
from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.recognizer import Recognizer

MOST_PICTURES = 500
FALSE_NAME_WEIGHS = 100
"""Weight of the false-match rate relative to the miss rate: each face is compared with many people."""


@dataclass(frozen=True)
class Example:
    """One picture and what was measured on it; `error` says why the picture could not be used.

    `person` is the name of the picture's folder; it is empty for a picture that is in no person's folder.
    """

    path: Path
    person: str
    faces: int = 0
    took_ms: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Suggestion:
    """A threshold, and how many of the examples' comparisons it gets wrong."""

    threshold: float
    misses: int
    false_names: int


@dataclass(frozen=True)
class Report:
    """All examples and the distances between faces of one person (`genuine`) and of two (`impostor`)."""

    examples: tuple[Example, ...]
    genuine: tuple[float, ...]
    impostor: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        """Median time to decode, detect, align and embed a picture, in milliseconds; 0 without pictures."""
        return statistics.median([e.took_ms for e in self.examples if not e.error] or [0.0])

    @property
    def suggestion(self) -> Suggestion | None:
        """The threshold that `suggest` finds, or None."""
        return suggest(self.genuine, self.impostor)


def find(folder: Path) -> list[Example]:
    """List the pictures of a folder.

    Files in a subfolder NAME show only the person NAME; files directly in the folder may show anybody.

    Raises:
        FileTrouble: the folder is missing, or holds no files or more than `MOST_PICTURES`.
    """
    if not folder.is_dir():
        raise FileTrouble(
            f"{folder} is not a folder; --examples takes a folder with pictures, or with folders NAME of pictures"
        )
    found = [Example(path, "") for path in sorted(folder.iterdir()) if _is_picture(path)]
    for person in sorted(path for path in folder.iterdir() if path.is_dir()):
        found += [Example(path, person.name) for path in sorted(person.iterdir()) if _is_picture(path)]
    if not found or len(found) > MOST_PICTURES:
        raise FileTrouble(f"{folder} has {len(found)} pictures, 1 to {MOST_PICTURES} are supported")
    return found


def _is_picture(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def measure(recognizer: Recognizer, examples: Sequence[Example]) -> Report:
    """Run the recogniser on each example; a picture that cannot be read is reported and skipped.

    A person's photo is enrolled as `Recognizer.enrol` does: the largest face, averaged with its mirror image.
    """
    seen, enrolled, plain = [], [], []
    for example in examples:
        try:
            data = read_whole(example.path, MOST_PICTURE_BYTES)
            start = perf_counter()
            image = decode(data).image_hwc_u8
            found = recognizer.detector.detect(image)
            chips = cut_chips(image, found.landmarks_px, recognizer.embedder.layout)
            embeddings = recognizer.embedder.embed(chips)
            took_ms = (perf_counter() - start) * 1000
        except (ManyeyesError, OSError) as error:
            seen.append(Example(example.path, example.person, error=str(error)))
            continue
        seen.append(Example(example.path, example.person, len(found), took_ms))
        if example.person and len(found):
            sides = found.boxes_xyxy_px[:, 2:] - found.boxes_xyxy_px[:, :2]
            largest = int(np.argmax(sides.prod(axis=1)))
            mirrored = np.ascontiguousarray(chips[largest : largest + 1, :, ::-1])
            both = np.concatenate([embeddings[largest : largest + 1], recognizer.embedder.embed(mirrored)])
            plain.append((example.person, embeddings[largest]))
            enrolled.append(recognizer.average(both))
    genuine, impostor = _compare(enrolled, plain)
    return Report(tuple(seen), genuine, impostor)


def _compare(
    enrolled: list[Any], plain: list[tuple[str, Any]]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Sorted distances (genuine, impostor) of each enrolled photo to each other photo, as recognised."""
    genuine: list[float] = []
    impostor: list[float] = []
    for place, known in enumerate(enrolled):
        for other, (person, embedding) in enumerate(plain):
            if other != place:
                distance = float(np.linalg.norm(known - embedding))
                (genuine if person == plain[place][0] else impostor).append(distance)
    return tuple(sorted(genuine)), tuple(sorted(impostor))


def suggest(genuine: Sequence[float], impostor: Sequence[float]) -> Suggestion | None:
    """The threshold with the lowest cost, in the middle of the gap between two distances.

    The cost is the miss rate plus `FALSE_NAME_WEIGHS` times the false-match rate.

    Returns:
        None if no person has two photos, if there is no second person, or if it is best to name nobody.
    """
    if not genuine or not impostor:
        return None
    same, other = np.sort(np.asarray(genuine)), np.sort(np.asarray(impostor))
    ends = np.unique(np.concatenate([same, other]))
    middles = np.concatenate([[ends[0] / 2], (ends[:-1] + ends[1:]) / 2, [ends[-1]]])
    misses = len(same) - np.searchsorted(same, middles, side="right")
    false = np.searchsorted(other, middles, side="right")
    best = int(np.argmin(misses / len(same) + FALSE_NAME_WEIGHS * false / len(other)))
    if misses[best] == len(same) or middles[best] <= 0.0:
        return None
    return Suggestion(round(float(middles[best]), 4), int(misses[best]), int(false[best]))
