"""Feedback of the kind 'not': faces that are not the person whose name they got."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from manyeyes.recognition.arrays import Floats

RADIUS = 0.25
"""Within it a face counts as the vetoed one, however near the person's photos are. Of 40 faces, copies resized,
compressed, blurred or cropped lay up to .22 from the original, turned ones to .27, brighter and mirrored ones to
.33; the nearest other picture of the same person lay at .27."""


class Veto(NamedTuple):
    """A face, embedding float32 (d,), that must not be given `name`."""

    name: str
    embedding: Floats


def bars(vetoes: Sequence[Veto], embedding: Floats, name: str, distance: float) -> bool:
    """Whether `name`, whose nearest photo is `distance` away, is not to be given to embedding (d,).

    So when a face vetoed for that name is nearer than the photo, or lies within `RADIUS`.
    """
    reach = max(distance, RADIUS)
    return any(
        veto.name == name and float(np.linalg.norm(veto.embedding - embedding)) < reach for veto in vetoes
    )


def settle(
    vetoes: Sequence[Veto], embedding: Floats, candidates: Iterable[tuple[str, float]]
) -> tuple[str, float] | None:
    """The first candidate, (name, distance) and nearest first, whose name is not barred; None: none is left."""
    barred: set[str] = set()
    for name, distance in candidates:
        if name in barred:
            continue
        if not bars(vetoes, embedding, name, distance):
            return name, distance
        barred.add(name)
    return None
