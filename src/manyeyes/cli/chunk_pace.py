"""How many bytes of a file to move in one step, so that a slow line stays free for pictures and heartbeats. No I/O.

A node has one connection, which sends in order: a picture waits for the chunk before it. So a step uses about
`STEP_S` of the line's time. The round-trip time, measured by steps without bytes, is not counted: a long round
trip is no reason for small chunks.
"""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.contract import CHUNK_BYTES

LEAST_BYTES = 16 * 1024
STEP_S = 0.25
_SHORTEST_S = 0.001


@dataclass
class ChunkPace:
    """The size of the next chunk; it begins small and at most doubles with each step."""

    chunk_bytes: int = LEAST_BYTES
    empty_s: float = float("inf")
    """The shortest time of a step without bytes so far."""

    def empty_step(self, took_s: float) -> None:
        """Record the time of a step that moved no bytes."""
        self.empty_s = min(self.empty_s, took_s)

    def step(self, travelled_bytes: int, took_s: float) -> None:
        """Record the time of a step that moved bytes (counted after compression), and set the next chunk's size."""
        spent_s = max(took_s - (self.empty_s if self.empty_s < took_s else 0.0), _SHORTEST_S)
        fits = int(travelled_bytes / spent_s * STEP_S)
        self.chunk_bytes = min(max(min(fits, 2 * self.chunk_bytes), LEAST_BYTES), CHUNK_BYTES)
