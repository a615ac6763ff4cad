"""Feedback of the kind 'not': faces that are not the person whose name they got."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from manyeyes.recognition.arrays import Floats

RADIUS = 0.25
"""A face within this distance of a vetoed face counts as that face, however near the person's photos are.
Measured on 40 faces: copies that were resized, compressed, blurred or cropped are up to 0.22 from the
original, turned copies up to 0.27, brighter and mirrored copies up to 0.33; the nearest other picture of the
same person is at 0.27."""


class Veto(NamedTuple):
    """A face, embedding float32 (d,), that must not get the name `name`."""

    name: str
    embedding: Floats


def bars(vetoes: Sequence[Veto], embedding: Floats, name: str, distance: float) -> bool:
    """Whether a veto forbids to give `name`, whose nearest photo is at `distance`, to embedding (d,).

    It does if a face that is vetoed for this name is nearer than that photo, or is within `RADIUS`.
    """
    reach = max(distance, RADIUS)
    return any(
        veto.name == name and float(np.linalg.norm(veto.embedding - embedding)) < reach for veto in vetoes
    )


def settle(
    vetoes: Sequence[Veto], embedding: Floats, candidates: Iterable[tuple[str, float]]
) -> tuple[str, float] | None:
    """The first candidate whose name no veto forbids; None if there is none.

    Args:
        candidates: (name, distance), nearest first.
    """
    barred: set[str] = set()
    for name, distance in candidates:
        if name in barred:
            continue
        if not bars(vetoes, embedding, name, distance):
            return name, distance
        barred.add(name)
    return None
