"""Counts a gateway's pictures."""

from __future__ import annotations

_SMOOTHING = 0.05


class Statistics:
    """Counts a gateway's pictures since its start; `by_node` counts since `take_by_node` was last called."""

    def __init__(self) -> None:
        self.done = 0
        self.failed = 0
        self.by_node: dict[str, tuple[int, int]] = {}
        """Pictures that each node has done, and those that failed there."""
        self.usual_bytes = 0.0
        """Size of a usual picture, smoothed."""

    def ended(self, node: str, size_bytes: int, *, ok: bool) -> None:
        """A picture has its answer; `node` is empty if no node gave it."""
        self.usual_bytes += (size_bytes - self.usual_bytes) * (_SMOOTHING if self.usual_bytes else 1.0)
        self.done += ok
        self.failed += not ok
        if node:
            done, failed = self.by_node.get(node, (0, 0))
            self.by_node[node] = (done + ok, failed + (not ok))

    def take_by_node(self) -> dict[str, tuple[int, int]]:
        """Return the counts by node and reset them."""
        taken, self.by_node = self.by_node, {}
        return taken
