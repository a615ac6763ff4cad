"""Chooses the node that finishes a picture first: pure decisions from what each node holds and how fast it is.

A gateway sees all its waiting pictures and all credits. It sends each picture at once to the node with credit that
finishes it first. At the end of a job a slow node may hold one of the last pictures. That picture is hedged: it is
also sent to a free worker that would finish it earlier, and the first outcome counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GAIN_S = 0.05
"""Seconds that a hedge must save at least; it costs a round trip and sends the bytes again."""
GAIN_FACTOR = 1.5
OVERDUE_S = 1.0
OVERDUE_FACTOR = 3.0
"""A picture is overdue after `OVERDUE_FACTOR` times its expected time plus `OVERDUE_S`. It is expected to need as
long again as it is overdue."""
UNKNOWN_S = 10.0
"""Expected time of a picture on a node that has not reported its speed."""
STUCK_S = 5.0
"""A picture that is overdue for longer than this is sent again, even if no worker is free."""

MOST_HELD = 1024


def most_held(workers: int) -> int:
    """The most pictures that a node with this many workers may hold, whatever it grants."""
    return min(4 * workers + 8, MOST_HELD)


@dataclass(frozen=True)
class Pace:
    """What one node can take.

    Attributes:
        workers: processes that can work on a picture now.
        picture_s: seconds that a picture of the usual size takes one of them; 0: not known.
        taking: whether the node gets pictures at all.
    """

    workers: int = 0
    picture_s: float = 0.0
    taking: bool = False


@dataclass(frozen=True)
class Held:
    """A picture that exactly one node holds; `sent_at` in seconds of the gateway's monotonic clock."""

    task_id: str
    node: str
    sent_at: float
    size_bytes: int


@dataclass(frozen=True)
class Node:
    """A node with credit left.

    Attributes:
        queue: tasks that it holds, those of other gateways included.
        line_bytes_per_s: speed of its line; 0: not known.
        used: a larger number means that it got a task later.
    """

    name: str
    pace: Pace
    queue: int
    line_bytes_per_s: float = 0.0
    used: int = 0

    def ends_in_s(self, size_bytes: int) -> float:
        """Expected seconds until a picture that is sent now ends on this node."""
        turn = self.queue // max(self.pace.workers, 1) + 1
        travel_s = size_bytes / self.line_bytes_per_s if self.line_bytes_per_s else 0.0
        return (self.pace.picture_s or UNKNOWN_S) * turn + travel_s


def soonest(nodes: Sequence[Node], size_bytes: int) -> str:
    """The name of the node that finishes a picture first; if equal, the least loaded, then the longest unused."""
    if len(nodes) == 1:
        return nodes[0].name
    best = min(
        nodes,
        key=lambda node: (
            node.ends_in_s(size_bytes),
            node.queue / max(node.pace.workers, 1),
            node.used,
            node.name,
        ),
    )
    return best.name


def hedges(
    held: Sequence[Held],
    paces: Mapping[str, Pace],
    idle: Sequence[Node],
    now: float,
    *,
    waiting: int,
    usual_bytes: float,
) -> tuple[list[tuple[str, str]], list[str]]:
    """Which pictures to send to another node too, while their holders go on.

    Args:
        held: the pictures that exactly one node holds.
        idle: nodes with credit whose workers are not all busy.
        waiting: pictures that nobody holds; while there are any, free workers take those.
        usual_bytes: size of a picture that takes `Pace.picture_s`, 0: not known; larger ones are expected to take longer.

    Returns:
        (task, node) pairs to send now, the most urgent first; and tasks that are so late that they go first.
    """
    prospects = _prospects(held, paces, now, usual_bytes)
    stuck = [
        prospect.picture.task_id
        for prospect in prospects
        if prospect.overdue and prospect.left_s > STUCK_S and _others_take(prospect.picture.node, paces)
    ]
    if waiting:
        return [], stuck
    workers = sorted(
        (node.pace.picture_s, node.name)
        for node in idle
        if node.pace.picture_s > 0
        for _ in range(node.pace.workers - node.queue)
    )
    pairs = []
    for prospect in prospects:
        picture = prospect.picture
        if picture.task_id in stuck:
            continue
        taker = next(
            (
                (picture_s, node)
                for picture_s, node in workers
                if node != picture.node and _worth(prospect.left_s, picture_s * prospect.larger)
            ),
            None,
        )
        if taker is not None:
            workers.remove(taker)
            pairs.append((picture.task_id, taker[1]))
    return pairs, stuck


@dataclass(frozen=True)
class _Prospect:
    picture: Held
    larger: float
    """Its expected time, as a multiple of a usual picture's."""
    left_s: float
    overdue: bool


def _prospects(
    running: Sequence[Held], paces: Mapping[str, Pace], now: float, usual_bytes: float
) -> list[_Prospect]:
    """How long the nodes still need for the pictures that they hold, the longest first."""
    positions: dict[str, int] = {}
    found = []
    for picture in sorted(running, key=lambda picture: picture.sent_at):
        pace = paces.get(picture.node, Pace())
        position = positions.get(picture.node, 0)
        positions[picture.node] = position + 1
        larger = max(1.0, picture.size_bytes / usual_bytes) if usual_bytes else 1.0
        expected_s = (pace.picture_s or UNKNOWN_S) * larger * (position // max(pace.workers, 1) + 1)
        elapsed_s = now - picture.sent_at
        overdue_s = elapsed_s - OVERDUE_FACTOR * expected_s - OVERDUE_S
        left_s = max(expected_s - elapsed_s, overdue_s, 0.0)
        found.append(_Prospect(picture, larger, left_s, overdue_s > 0))
    return sorted(found, key=lambda prospect: -prospect.left_s)


def _worth(here_s: float, there_s: float) -> bool:
    return here_s > GAIN_FACTOR * there_s and here_s - there_s > GAIN_S


def _others_take(node: str, paces: Mapping[str, Pace]) -> bool:
    return any(pace.taking and pace.workers for other, pace in paces.items() if other != node)
