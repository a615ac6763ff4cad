"""How much of a file to move in one step, so that a slow line stays free for pictures and heartbeats: pure.

What a node is sent goes through one connection in turn: a picture waits for the chunk before it. A step is kept
to `STEP_S` of the line's time; the round trip of a step, measured without bytes, is no reason for small chunks.
"""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.contract import CHUNK_BYTES

LEAST_BYTES = 16 * 1024
STEP_S = 0.25
_SHORTEST_S = 0.001


@dataclass
class ChunkPace:
    """The size of the next chunk; begins small and at most doubles from step to step."""

    chunk_bytes: int = LEAST_BYTES
    empty_s: float = float("inf")
    """The shortest step without bytes that was seen."""

    def empty_step(self, took_s: float) -> None:
        """A step that moved no bytes took this long."""
        self.empty_s = min(self.empty_s, took_s)

    def step(self, travelled_bytes: int, took_s: float) -> None:
        """A step that moved bytes, as they travelled, took this long."""
        spent_s = max(took_s - (self.empty_s if self.empty_s < took_s else 0.0), _SHORTEST_S)
        fits = int(travelled_bytes / spent_s * STEP_S)
        self.chunk_bytes = min(max(min(fits, 2 * self.chunk_bytes), LEAST_BYTES), CHUNK_BYTES)
