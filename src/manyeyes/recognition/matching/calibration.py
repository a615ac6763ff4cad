"""What a distance means: how often strangers are that near, and how likely the name is right.

A statistical model of one embedder's distances; the pack states its parameters. Distances of the same person
have a normal distribution. Distances of strangers have one too, with an exponential tail below `tail_from`,
where the measured pairs end. In the tail, the density keeps the relative slope of the normal density at
`tail_from`, so it falls more slowly than a normal density: the model is cautious where nothing was measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, expm1, log, log1p
from statistics import NormalDist
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

PRIOR_KNOWN = 0.5
"""The default probability that a face is somebody enrolled."""
LARGEST_FMR = 0.5
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Calibration(BaseModel):
    """How the distances of one embedder are distributed; the `[calibration]` table of a pack."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    impostor_mean: _Positive
    impostor_sd: _Positive
    """Mean and standard deviation of distances between a face and a photo of somebody else."""
    tail_from: _Positive
    """Where the exponential tail begins; below `impostor_mean`."""
    genuine_mean: _Positive
    genuine_sd: _Positive
    """Mean and standard deviation of distances between a face and a photo of the same person."""
    photos_exponent: Annotated[float, Field(ge=0, le=1)]
    """A person with k photos gets as many false matches as k ** `photos_exponent` people with one photo."""
    shown_to_rate: Annotated[float, Field(gt=0, lt=1)]
    """The smallest false-match rate of one comparison that was measured; smaller rates are extrapolated."""
    basis: str
    """A text for users that says what was measured."""

    @model_validator(mode="after")
    def _tail_lies_below_the_mean(self) -> Calibration:
        if self.tail_from >= self.impostor_mean:
            raise ValueError(f"tail_from {self.tail_from} is not below impostor_mean {self.impostor_mean}")
        return self

    @property
    def _impostor(self) -> NormalDist:
        return NormalDist(self.impostor_mean, self.impostor_sd)

    @property
    def _genuine(self) -> NormalDist:
        return NormalDist(self.genuine_mean, self.genuine_sd)

    @property
    def _tail_steepness(self) -> float:
        """The relative change of the normal density at `tail_from`, per unit of distance."""
        return float((self.impostor_mean - self.tail_from) / self.impostor_sd**2)

    @property
    def _tail_mass(self) -> float:
        return self._impostor.pdf(self.tail_from) / self._tail_steepness

    def _density(self, distance: float) -> float:
        if distance >= self.tail_from:
            return self._impostor.pdf(distance)
        return (
            self._tail_mass * self._tail_steepness * exp(self._tail_steepness * (distance - self.tail_from))
        )

    def false_match_rate(self, distance: float) -> float:
        """How often one comparison with another person's photo gives `distance` or less."""
        if distance < self.tail_from:
            return self._tail_mass * exp(self._tail_steepness * (distance - self.tail_from))
        body = self._impostor.cdf(distance) - self._impostor.cdf(self.tail_from)
        return min(1.0, self._tail_mass + body)

    def _distance_of(self, rate: float) -> float:
        if rate <= self._tail_mass:
            return self.tail_from + log(rate / self._tail_mass) / self._tail_steepness
        below = rate - self._tail_mass + self._impostor.cdf(self.tail_from)
        return self._impostor.inv_cdf(min(below, 1 - 1e-9))

    def comparisons(self, photo_counts: Iterable[int]) -> float:
        """The number of people with one photo each who get as many false matches as these people do.

        Args:
            photo_counts: the number of photos of each person.
        """
        return float(sum(count**self.photos_exponent for count in photo_counts if count > 0))

    def open_set_fmr(self, distance: float, comparisons: float) -> float:
        """The probability that a stranger gets any name at the threshold `distance`, in so many comparisons.

        The model treats comparisons as independent, which overstates the probability: strangers who resemble
        one enrolled person tend to resemble others too.
        """
        rate = self.false_match_rate(distance)
        return 1.0 if rate >= 1.0 and comparisons else -expm1(comparisons * log1p(-rate))

    def threshold_for(self, fmr: float, comparisons: float) -> float:
        """The largest threshold at which a stranger gets any name with a probability of at most `fmr`.

        An empty gallery is treated as one person. Returns 0 if no threshold is small enough.

        Raises:
            ValueError: `fmr` is not in (0, 0.5].
        """
        if not 0 < fmr <= LARGEST_FMR:
            raise ValueError(f"false-match rate {fmr} is not above 0 and at most {LARGEST_FMR}")
        return max(0.0, self._distance_of(-expm1(log1p(-fmr) / max(1.0, comparisons))))

    def miss_rate(self, distance: float) -> float:
        """How often somebody enrolled with one photo gets no name at this threshold."""
        return 1.0 - self._genuine.cdf(distance)

    def confidence(self, distance: float, comparisons: float, prior: float = PRIOR_KNOWN) -> float:
        """The probability that the nearest person is the right one; falls as distance and gallery grow.

        Bayes' rule compares two cases: the right person's photo is at this distance, or somebody else's photo
        is, while the face is or is not somebody enrolled. In the first case, a distance below `genuine_mean`
        counts as `genuine_mean`.
        """
        beyond = 1.0 - self.false_match_rate(distance)
        if beyond <= 0.0:
            return 0.0
        right = prior * self._genuine.pdf(max(distance, self.genuine_mean))
        others = max(1.0, comparisons) * self._density(distance) / beyond
        wrong = others * (1.0 - prior + prior * self.miss_rate(distance))
        return right / (right + wrong) if right > 0.0 else 0.0
