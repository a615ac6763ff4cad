"""Who was found on the pictures of one `manyeyes send`: sentences and a table for people. No I/O."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from manyeyes.results import TOO_SMALL, UNKNOWN
from manyeyes.wording import several

MOST_PEOPLE = 20
"""Rows of the table of people; more are only counted."""


def sentence(faces: Sequence[dict[str, Any]]) -> str:
    """Who is on one picture: `Ann (99 %), 1 unknown, 2 too small to name`."""
    parts = [f"{face['name']} ({percent(face['confidence'])})" for face in faces if face["name"] is not None]
    small = sum(map(is_too_small, faces))
    unknown = len(faces) - len(parts) - small
    if unknown:
        parts.append(f"{unknown} unknown")
    if small:
        parts.append(f"{small if parts else several(small, 'face')} {TOO_SMALL}")
    return ", ".join(parts) or "no face found"


def is_too_small(face: dict[str, Any]) -> bool:
    """Whether a face of a line was compared with nobody; earlier versions wrote lines without this field."""
    return bool(face.get("too_small"))


def percent(confidence: float) -> str:
    """A probability in full percent. Only certainty is 100 %."""
    return f"{math.floor(round(100 * confidence, 6))} %"


@dataclass
class Found:
    """What the lines of the record say, added up."""

    pictures: int = 0
    faceless: int = 0
    faces: Counter[str | None] = field(default_factory=Counter)
    """Faces by name; None is for those without one."""
    on_pictures: Counter[str | None] = field(default_factory=Counter)
    too_small: int = 0
    """Faces that are too small to name; they are not in `faces`."""
    on_pictures_too_small: int = 0
    example: str | None = None
    """The predicted picture to look at first: the first by name with a named face, else with a face, else any."""
    _example_rank: tuple[int, str] = (3, "")

    def add(self, line: dict[str, Any]) -> None:
        """Add the line of a picture that was answered."""
        names = [face["name"] for face in line["faces"] if not is_too_small(face)]
        small = len(line["faces"]) - len(names)
        self.pictures += 1
        self.faceless += not line["faces"]
        self.faces.update(names)
        self.on_pictures.update(set(names))
        self.too_small += small
        self.on_pictures_too_small += bool(small)
        rank = (0 if any(names) else 1 if line["faces"] else 2, line["file"])
        if line.get("output") and rank < self._example_rank:
            self.example, self._example_rank = line["output"], rank

    def rows(self) -> list[tuple[str, int, int]]:
        """(who, faces, pictures) of each person, the most frequent first, of unknown faces and of too small ones."""
        people = sorted(
            ((count, name) for name, count in self.faces.items() if name is not None),
            key=lambda one: (-one[0], one[1]),
        )
        rows = [(name, count, self.on_pictures[name]) for count, name in people[:MOST_PEOPLE]]
        others = [name for _, name in people[MOST_PEOPLE:]]
        if others:
            rows.append(
                (
                    f"{len(others)} more people",
                    sum(self.faces[name] for name in others),
                    sum(self.on_pictures[name] for name in others),
                )
            )
        if self.faces[None]:
            rows.append((UNKNOWN, self.faces[None], self.on_pictures[None]))
        if self.too_small:
            rows.append((TOO_SMALL, self.too_small, self.on_pictures_too_small))
        if self.faceless:
            rows.append(("no face", 0, self.faceless))
        return rows


def found_in(lines: Iterable[dict[str, Any]]) -> Found:
    """The lines of all pictures that were answered, added up."""
    found = Found()
    for line in lines:
        if "faces" in line:
            found.add(line)
    return found
