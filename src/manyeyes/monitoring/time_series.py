"""The last hour in buckets of 10 s, for the whole and for each node: pure, by the clock it is given.

In memory only: empty when the master starts. A node costs under 5 KB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BUCKET_S = 10.0
BUCKETS = 360
"""Full ones that are kept; one more is being filled."""
_RING = BUCKETS + 1
_MOST = 65_535
_WHOLE = 10_000
"""What a share of 1 is in a load."""
_DONE, _FAILED, _AT_FAULT, _RESTARTS = range(4)


@dataclass(frozen=True)
class Whole:
    """Full buckets of all nodes together, oldest first; None where it was not measured, as while the master was frozen."""

    done_per_s: list[float]
    failed_per_s: list[float]
    waiting: list[int | None]
    ready_nodes: list[int | None]
    latency_s: list[float | None]
    """The mean of the pictures that were done; None where none was."""
    cpu_share: list[float | None]
    memory_share: list[float | None]
    """The mean of the machines that reported it."""


@dataclass(frozen=True)
class OfNode:
    """Full buckets of one node, oldest first."""

    done_per_s: list[float]
    failed_per_s: list[float]
    cpu_share: list[float | None]
    memory_share: list[float | None]
    """Of its machine; None where it did not report it."""


@dataclass(frozen=True)
class RecentCounts:
    """Counts of one node over a while: pictures that it ended, attempts that failed because of it, workers."""

    done: int = 0
    failed: int = 0
    at_fault: int = 0
    restarts: int = 0


class Series:
    """Counts and levels by bucket; `now` is in seconds of a clock that never goes back."""

    def __init__(self, now: float) -> None:
        self._began_at = now
        self._filling = 0
        self._counts = np.zeros((2, _RING), np.uint32)
        self._levels = np.full((2, _RING), -1, np.int32)
        self._took_s = np.zeros(_RING, np.float64)
        self._nodes: dict[str, npt.NDArray[np.uint16]] = {}
        self._loads: dict[str, npt.NDArray[np.int16]] = {}
        """Of each machine, processor and memory, in parts of `_WHOLE`; -1: not known."""
        self._troubled_at: dict[str, float] = {}

    def ended(self, node: str, ok: bool, now: float, took_s: float = 0.0) -> None:
        """A picture was answered, `took_s` after it was accepted; `node` is empty if no node answered it."""
        place = self._turn_to(now)
        if ok:
            self._took_s[place] += took_s
        self._counts[_DONE if ok else _FAILED, place] += 1
        if node:
            self._add(node, _DONE if ok else _FAILED, 1, place)

    def at_fault(self, node: str, now: float) -> None:
        """An attempt failed for which the node, not the picture, is to blame."""
        self._troubled_at[node] = now
        self._add(node, _AT_FAULT, 1, self._turn_to(now))

    def restarted(self, node: str, workers: int, now: float) -> None:
        """Workers of a node were replaced."""
        self._troubled_at[node] = now
        self._add(node, _RESTARTS, workers, self._turn_to(now))

    def levels(self, waiting: int, ready_nodes: int, now: float) -> None:
        """How many pictures wait and how many nodes are ready now; a bucket keeps the largest and the last value."""
        place = self._turn_to(now)
        self._levels[0, place] = max(waiting, self._levels[0, place])
        self._levels[1, place] = ready_nodes

    def load(self, node: str, cpu_share: float | None, memory_share: float | None, now: float) -> None:
        """How busy a node's machine is now, 0 to 1; a bucket keeps the last value."""
        place = self._turn_to(now)
        loads = self._loads.get(node)
        if loads is None:
            loads = self._loads[node] = np.full((2, _RING), -1, np.int16)
        for row, share in enumerate((cpu_share, memory_share)):
            if share is not None:
                loads[row, place] = round(min(share, 1.0) * _WHOLE)

    def forget(self, node: str) -> None:
        """A node is no longer known."""
        self._loads.pop(node, None)
        self._nodes.pop(node, None)
        self._troubled_at.pop(node, None)

    def whole(self, now: float) -> Whole:
        """The last hour of all nodes together."""
        order = self._full(now)
        done, failed = (self._counts[:, order] / BUCKET_S).tolist()
        waiting, ready = (
            [level if level >= 0 else None for level in row] for row in self._levels[:, order].tolist()
        )
        latency_s = [
            round(took_s / count, 4) if count else None
            for took_s, count in zip(
                self._took_s[order].tolist(), self._counts[_DONE, order].tolist(), strict=True
            )
        ]
        cpu, memory = _shares(list(self._loads.values()), order)
        return Whole(done, failed, waiting, ready, latency_s, cpu, memory)

    def node(self, name: str, now: float) -> OfNode:
        """The last hour of one node; zeros where it has ended nothing."""
        order = self._full(now)
        loads, counts = self._loads.get(name), self._nodes.get(name)
        cpu, memory = _shares([] if loads is None else [loads], order)
        if counts is None:
            return OfNode([0.0] * len(order), [0.0] * len(order), cpu, memory)
        done, failed = (counts[: _FAILED + 1, order] / BUCKET_S).round(1).tolist()
        return OfNode(done, failed, cpu, memory)

    def filling_s(self, now: float) -> float:
        """How long ago the last full bucket ended."""
        self._turn_to(now)
        return max(0.0, now - self._began_at - self._filling * BUCKET_S)

    def rates(self, now: float, over_s: float = 60.0) -> tuple[float, float]:
        """Pictures done and failed a second, over the last `over_s` or since the start where that is less."""
        order = self._last(now, over_s)
        seconds = (len(order) - 1) * BUCKET_S + self.filling_s(now)
        done, failed = self._counts[:, order].sum(axis=1).tolist()
        return (done / seconds, failed / seconds) if seconds > 0 else (0.0, 0.0)

    def recent_counts(self, node: str, now: float, over_s: float) -> RecentCounts:
        """What became of a node's work over the last `over_s`, and at most a bucket more.

        Nothing is counted of a node that had no trouble meanwhile: that of a thousand nodes takes no time.
        """
        if now - self._troubled_at.get(node, float("-inf")) > over_s + BUCKET_S:
            return RecentCounts()
        order = self._last(now, over_s)
        counts = self._nodes.get(node)
        return (
            RecentCounts(*counts[:, order].sum(axis=1, dtype=np.uint32).tolist())
            if counts is not None
            else RecentCounts()
        )

    def _add(self, node: str, what: int, number: int, place: int) -> None:
        counts = self._nodes.get(node)
        if counts is None:
            counts = self._nodes[node] = np.zeros((4, _RING), np.uint16)
        counts[what, place] = min(int(counts[what, place]) + number, _MOST)

    def _turn_to(self, now: float) -> int:
        """Where the bucket of `now` is; those that were passed over are emptied."""
        number = int((now - self._began_at) // BUCKET_S)
        if number <= self._filling:
            return self._filling % _RING
        for passed in range(max(self._filling + 1, number - _RING + 1), number + 1):
            place = passed % _RING
            self._counts[:, place] = 0
            self._levels[:, place] = -1
            self._took_s[place] = 0.0
            for loads in self._loads.values():
                loads[:, place] = -1
            for counts in self._nodes.values():
                counts[:, place] = 0
        self._filling = number
        return self._filling % _RING

    def _full(self, now: float) -> list[int]:
        self._turn_to(now)
        return [number % _RING for number in range(max(0, self._filling - BUCKETS), self._filling)]

    def _last(self, now: float, over_s: float) -> list[int]:
        """Buckets that hold the last `over_s`, the one that is being filled included."""
        self._turn_to(now)
        first = max(0, self._filling - min(int(over_s // BUCKET_S), BUCKETS))
        return [number % _RING for number in range(first, self._filling + 1)]


def _shares(loads: Sequence[npt.NDArray[np.int16]], order: Sequence[int]) -> list[list[float | None]]:
    """Of processor and memory: the mean of the machines that are known, by bucket."""
    sums, known = np.zeros((2, len(order))), np.zeros((2, len(order)), np.int64)
    for one in loads:
        shares = one[:, order]
        sums += np.where(shares >= 0, shares, 0)
        known += shares >= 0
    return [
        [round(total / count / _WHOLE, 3) if count else None for total, count in zip(*rows, strict=True)]
        for rows in zip(sums.tolist(), known.tolist(), strict=True)
    ]
