"""Where a picture is done soonest: pure decisions from what each node holds and how long a picture takes it.

Nodes pull, so a fast node asks more often and nobody plans the load. What pulling alone gets wrong is the end:
a slow node takes one of the last pictures while a fast one is about to be free. Two decisions mend that. A claim is
refused where an idle worker elsewhere would end the picture sooner, and a picture that is held is issued once
more when a free worker would end it sooner than its holder: the first result wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GAIN_S = 0.05
"""What moving a picture must save at least; it costs a round trip and its bytes once more."""
GAIN_FACTOR = 1.5
OVERDUE_S = 1.0
OVERDUE_FACTOR = 3.0
"""A picture held for longer than so many times what it should take, and `OVERDUE_S`, will take as long again."""
UNKNOWN_S = 10.0
"""What a picture is taken to need on a node that has not told."""
STUCK_S = 5.0
"""Overdue for so long, a picture is issued again though no worker is free."""


@dataclass(frozen=True)
class Pace:
    """What one node can take.

    Attributes:
        workers: processes that can work on a picture now.
        picture_s: seconds that a picture of the usual size takes one of them; 0: not known.
        taking: whether the node is given pictures at all.
    """

    workers: int = 0
    picture_s: float = 0.0
    taking: bool = False


@dataclass(frozen=True)
class Held:
    """A picture that exactly one node holds; `claimed_at` in seconds of the master's monotonic clock."""

    task_id: str
    node: str
    claimed_at: float
    size_bytes: int


def better_elsewhere(node: str, paces: Mapping[str, Pace], held: Mapping[str, int]) -> bool:
    """Whether a worker that is idle elsewhere would end a picture clearly sooner than `node`, asking for it now."""
    mine = paces.get(node)
    if mine is None or not mine.picture_s or not mine.workers:
        return False
    mine_s = mine.picture_s * (held.get(node, 0) // mine.workers + 1)
    return any(
        _worth(mine_s, pace.picture_s)
        for other, pace in paces.items()
        if other != node and _free(other, pace, held)
    )


def to_issue_again(
    running: Sequence[Held],
    paces: Mapping[str, Pace],
    held: Mapping[str, int],
    now: float,
    *,
    waiting: int,
    usual_bytes: float,
) -> list[str]:
    """The ids of pictures that should be handed out once more, the most urgent first.

    Args:
        running: the pictures that one node holds.
        held: how many pictures each node holds.
        waiting: pictures that nobody holds; while there are any, free workers take those.
        usual_bytes: size of a picture that takes `Pace.picture_s`; larger ones are expected to take longer.
    """
    prospects = _prospects(running, paces, now, usual_bytes)
    again = [
        prospect.picture.task_id
        for prospect in prospects
        if prospect.overdue and prospect.left_s > STUCK_S and _others_take(prospect.picture.node, paces)
    ]
    if waiting:
        return again
    free = sorted(
        (pace.picture_s, node)
        for node, pace in paces.items()
        if _free(node, pace, held)
        for _ in range(pace.workers - held.get(node, 0))
    )
    for prospect in prospects:
        picture = prospect.picture
        if picture.task_id in again:
            continue
        taker = next(
            (
                (picture_s, node)
                for picture_s, node in free
                if node != picture.node and _worth(prospect.left_s, picture_s * prospect.larger)
            ),
            None,
        )
        if taker is not None:
            free.remove(taker)
            again.append(picture.task_id)
    return again


@dataclass(frozen=True)
class _Prospect:
    picture: Held
    larger: float
    """How many times as long as a usual picture it takes."""
    left_s: float
    overdue: bool


def _prospects(
    running: Sequence[Held], paces: Mapping[str, Pace], now: float, usual_bytes: float
) -> list[_Prospect]:
    """How long the holders still need, the longest first."""
    positions: dict[str, int] = {}
    found = []
    for picture in sorted(running, key=lambda picture: picture.claimed_at):
        pace = paces.get(picture.node, Pace())
        position = positions.get(picture.node, 0)
        positions[picture.node] = position + 1
        larger = max(1.0, picture.size_bytes / max(usual_bytes, 1.0))
        expected_s = (pace.picture_s or UNKNOWN_S) * larger * (position // max(pace.workers, 1) + 1)
        elapsed_s = now - picture.claimed_at
        overdue_s = elapsed_s - OVERDUE_FACTOR * expected_s - OVERDUE_S
        left_s = max(expected_s - elapsed_s, overdue_s, 0.0)
        found.append(_Prospect(picture, larger, left_s, overdue_s > 0))
    return sorted(found, key=lambda prospect: -prospect.left_s)


def _worth(here_s: float, there_s: float) -> bool:
    return here_s > GAIN_FACTOR * there_s and here_s - there_s > GAIN_S


def _free(node: str, pace: Pace, held: Mapping[str, int]) -> bool:
    return pace.taking and pace.picture_s > 0 and held.get(node, 0) < pace.workers


def _others_take(node: str, paces: Mapping[str, Pace]) -> bool:
    return any(pace.taking and pace.workers for other, pace in paces.items() if other != node)
