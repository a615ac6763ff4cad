"""Vectors that lie to each other as dlib's face embeddings do: for measuring searches, never for recognising.

A photo is `mean + person + photo noise` in 128 dimensions. What is matched, from the table of distances that
was measured on real faces with dlib's ResNet:

- strangers' distance: mean .93, deviation .11. For a sum of Gaussian components the ratio of the two gives the
  effective dimension (Σλ)²/Σλ² = 37, which a power law of the variances reaches with the exponent `DECAY`;
- one person's distance: mean .41, deviation .09. The noise has the same directions as the differences between
  people, and a strength of its own for each photo (log-normal): sharp portraits and bad snapshots;
- lengths from 1.28 to 1.62 for most: the common mean has length 1.29 in a random direction.

`describe` prints what came out beside what was aimed at. Real embeddings differ in ways that this does not show
(families, twins, ages); the share of the nearest found depends mostly on the effective dimension, which is met.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

DIMENSIONS = 128
DECAY = 0.8
STRANGERS_SQUARED = 0.93**2 + 0.11**2
SAME_SQUARED = 0.41**2 + 0.09**2
NOISE_SPREAD = 0.23
MEAN_LENGTH = 1.29
PHOTOS_EACH = 4
_BLOCK = 100_000


@dataclass(frozen=True)
class FaceShape:
    """The fixed directions that all people share."""

    mean: Floats
    person_axes: Floats
    noise_axes: Floats

    @classmethod
    def make(cls, seed: int = 7) -> FaceShape:
        """The shape for a seed."""
        rng = np.random.default_rng(seed)
        rotation, _ = np.linalg.qr(rng.normal(size=(DIMENSIONS, DIMENSIONS)))
        shares = np.arange(1, DIMENSIONS + 1) ** -DECAY
        shares /= shares.sum()
        axes = rotation * np.sqrt(shares)
        mean = rng.normal(size=DIMENSIONS)
        mean *= MEAN_LENGTH / np.linalg.norm(mean)
        return cls(
            mean.astype(np.float32),
            (axes * np.sqrt((STRANGERS_SQUARED - SAME_SQUARED) / 2)).T.astype(np.float32),
            (axes * np.sqrt(SAME_SQUARED / 2)).T.astype(np.float32),
        )

    def people(self, count: int, rng: np.random.Generator) -> Floats:
        """Centres of `count` people, (count, 128)."""
        return self.mean + rng.standard_normal((count, DIMENSIONS), np.float32) @ self.person_axes

    def photos(self, centres: Floats, rng: np.random.Generator) -> Floats:
        """One new photo of each centre."""
        strength = np.exp(rng.normal(0, NOISE_SPREAD, (len(centres), 1)) - NOISE_SPREAD**2).astype(np.float32)
        noise = rng.standard_normal(centres.shape, np.float32) @ self.noise_axes
        return np.asarray(centres + strength * noise, np.float32)


@dataclass(frozen=True)
class Crowd:
    """Enrolled photos, `PHOTOS_EACH` of a person in a row, and new photos of enrolled people and of strangers."""

    enrolled: Floats
    known: Floats
    strangers: Floats


def crowd(photos: int, queries: int, seed: int = 1) -> Crowd:
    """`photos` enrolled, `queries` of each kind."""
    shape, rng = FaceShape.make(), np.random.default_rng(seed)
    people = max(1, -(-photos // PHOTOS_EACH))
    centres = shape.people(people, rng)
    enrolled = np.empty((photos, DIMENSIONS), np.float32)
    for start in range(0, photos, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, photos)) // PHOTOS_EACH
        enrolled[start : start + len(rows)] = shape.photos(centres[rows], rng)
    known = shape.photos(centres[rng.integers(0, people, queries)], rng)
    strangers = shape.photos(shape.people(queries, rng), rng)
    return Crowd(enrolled, known, strangers)


def describe(seed: int = 3) -> str:
    """A Markdown table: the distances that were aimed at, and those of 20,000 fresh pairs."""
    shape, rng = FaceShape.make(), np.random.default_rng(seed)
    centres = shape.people(40_000, rng)
    one, two = shape.photos(centres, rng), shape.photos(centres, rng)
    same = np.linalg.norm(one - two, axis=1)
    others = np.linalg.norm(one[:20_000] - two[20_000:], axis=1)
    lengths = np.linalg.norm(one, axis=1)
    low, high = np.percentile(lengths, [0.5, 99.5])
    return (
        "| distances of | aimed at | made |\n|---|---|---|\n"
        f"| one person's photos | .41 ± .09 | {same.mean():.2f} ± {same.std():.2f} |\n"
        f"| two people's photos | .93 ± .11 | {others.mean():.2f} ± {others.std():.2f} |\n"
        f"| one person's, over .50 / .58 | .170 / .025 | {(same > 0.5).mean():.3f} / {(same > 0.58).mean():.3f} |\n"
        f"| two people's, up to .58 / .65 | .0006 / .0046 | {(others <= 0.58).mean():.4f} / {(others <= 0.65).mean():.4f} |\n"
        f"| lengths (99 %) | 1.28 to 1.62 | {low:.2f} to {high:.2f} |"
    )


if __name__ == "__main__":
    print(describe())
