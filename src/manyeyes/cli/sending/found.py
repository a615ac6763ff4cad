"""Who was found on the pictures of one `manyeyes send`: sentences and a table for people. No I/O."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_PEOPLE = 20
"""Rows of the table of people; more are only counted."""


def sentence(faces: Sequence[dict[str, Any]]) -> str:
    """Who is on one picture: `Ann (99 %), 1 unknown`."""
    parts = [f"{face['name']} ({percent(face['confidence'])})" for face in faces if face["name"] is not None]
    unknown = len(faces) - len(parts)
    if unknown:
        parts.append(f"{unknown} unknown")
    return ", ".join(parts) or "no face found"


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
    example: str | None = None
    """The predicted picture to look at first: the first by name with a named face, else with a face, else any."""
    _example_rank: tuple[int, str] = (3, "")

    def add(self, line: dict[str, Any]) -> None:
        """Add the line of a picture that was answered."""
        names = [face["name"] for face in line["faces"]]
        self.pictures += 1
        self.faceless += not names
        self.faces.update(names)
        self.on_pictures.update(set(names))
        rank = (0 if any(names) else 1 if names else 2, line["file"])
        if line.get("output") and rank < self._example_rank:
            self.example, self._example_rank = line["output"], rank

    def rows(self) -> list[tuple[str, int, int]]:
        """(who, faces, pictures) of each person, the most frequent first, and of unknown faces."""
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
            rows.append(("unknown", self.faces[None], self.on_pictures[None]))
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
