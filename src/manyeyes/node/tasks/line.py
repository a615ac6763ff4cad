"""Measures the speed of a node's network line and limits how many bytes are under way on it: pure, by the clocks it is given.

If a line gets more than it can carry in a second or two, the engine takes it for dead and closes the connection. So
the bytes under way, from all gateways and transfers together, stay below what the line carries in one second.
"""

from __future__ import annotations

from collections import deque

AHEAD_S = 1.0
"""Bytes may be under way for this many seconds of the line's speed."""
MOST_BYTES = 16 * 1024 * 1024
_LEAST_SAMPLE_BYTES = 4096
_SAMPLES = 16
_LEAST_S = 1e-4


class Line:
    """One direction of a node's line.

    Args:
        least_bytes: bytes that may be under way before the speed is known.
    """

    def __init__(self, least_bytes: int) -> None:
        self._least_bytes = least_bytes
        self._offsets_s: dict[str, float] = {}
        self._arrived_at = 0.0
        self._samples: deque[tuple[int, float]] = deque()
        self._sum_bytes, self._sum_s = 0, 0.0
        self.bytes_per_s = 0.0
        """Measured speed over recent messages; 0: not known."""
        self.window_bytes = least_bytes
        """How many bytes may be under way at once."""

    def heard(self, sender: str, sent_s: float, now: float) -> None:
        """A short message arrived. The smallest difference of the two clocks is the travel time without waiting."""
        offset_s = now - sent_s
        self._offsets_s[sender] = min(self._offsets_s.get(sender, offset_s), offset_s)

    def arrived(self, sender: str, size_bytes: int, sent_s: float, now: float) -> None:
        """A message arrived. If its sender's clock is known, measure from the moment that the line was free for it."""
        offset_s = self._offsets_s.get(sender)
        if offset_s is not None:
            self.heard(sender, sent_s, now)
            self.carried(size_bytes, now - max(self._arrived_at, sent_s + offset_s), now)

    def carried(self, size_bytes: int, seconds: float, now: float) -> None:
        """The line needed `seconds` to carry `size_bytes` bytes."""
        if size_bytes >= _LEAST_SAMPLE_BYTES:
            self._add(size_bytes, max(min(seconds, now - self._arrived_at), _LEAST_S))
        self._arrived_at = now

    def _add(self, size_bytes: int, seconds: float) -> None:
        if len(self._samples) == _SAMPLES:
            old_bytes, old_s = self._samples.popleft()
            self._sum_bytes -= old_bytes
            self._sum_s -= old_s
        self._samples.append((size_bytes, seconds))
        self._sum_bytes += size_bytes
        self._sum_s += seconds
        self.bytes_per_s = self._sum_bytes / max(self._sum_s, _LEAST_S)
        self.window_bytes = min(max(self._least_bytes, int(self.bytes_per_s * AHEAD_S)), MOST_BYTES)
