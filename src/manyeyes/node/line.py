"""What this node's line carries, and how much may be under way on it: pure, by the clocks it is given.

A line that is given more than it carries in a second or two looks dead to the engine, which hangs up. So what is
under way, from all gateways and transfers together, stays under one second of what the line was seen to carry.
"""

from __future__ import annotations

from collections import deque

AHEAD_S = 1.0
"""How many seconds of the line may be under way."""
MOST_BYTES = 16 * 1024 * 1024
_LEAST_SAMPLE_BYTES = 4096
_SAMPLES = 16
_LEAST_S = 1e-4


class Line:
    """One direction of a node's line.

    Args:
        least_bytes: what may be under way before anything is known.
    """

    def __init__(self, least_bytes: int) -> None:
        self._least_bytes = least_bytes
        self._offsets_s: dict[str, float] = {}
        self._arrived_at = 0.0
        self._samples: deque[tuple[int, float]] = deque(maxlen=_SAMPLES)

    @property
    def bytes_per_s(self) -> float:
        """What the line was seen to carry, over recent messages; 0: not known."""
        busy_s = sum(seconds for _, seconds in self._samples)
        return sum(size for size, _ in self._samples) / busy_s if busy_s else 0.0

    @property
    def window_bytes(self) -> int:
        """How much may be under way at once."""
        return min(max(self._least_bytes, int(self.bytes_per_s * AHEAD_S)), MOST_BYTES)

    def heard(self, sender: str, sent_s: float, now: float) -> None:
        """A short message arrived: the least difference of the two clocks is the way without waiting."""
        offset_s = now - sent_s
        self._offsets_s[sender] = min(self._offsets_s.get(sender, offset_s), offset_s)

    def arrived(self, sender: str, size_bytes: int, sent_s: float, now: float) -> None:
        """A message of a sender whose clock is known arrived; it had the line from when the one before was through."""
        offset_s = self._offsets_s.get(sender)
        if offset_s is not None:
            self.heard(sender, sent_s, now)
            self.carried(size_bytes, now - max(self._arrived_at, sent_s + offset_s), now)

    def carried(self, size_bytes: int, seconds: float, now: float) -> None:
        """The line had so many bytes to carry for so long."""
        if size_bytes >= _LEAST_SAMPLE_BYTES:
            self._samples.append((size_bytes, max(min(seconds, now - self._arrived_at), _LEAST_S)))
        self._arrived_at = now
