"""Lines that wait to be written or sent: limited in size; when it is full, the oldest are dropped and counted."""

from __future__ import annotations

import threading
from collections import deque


class Waiting:
    """Lines in their order. Safe for threads; adding never waits.

    Args:
        most_bytes: of all lines together.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lines: deque[bytes] = deque()
        self._size_bytes = 0
        self._dropped = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, line: bytes) -> None:
        """Put a line at the end."""
        with self._lock:
            self._lines.append(line)
            self._size_bytes += len(line)
            while self._size_bytes > self._most_bytes:
                self._size_bytes -= len(self._lines.popleft())
                self._dropped += 1

    def take(self, most_bytes: int) -> list[bytes]:
        """Take the oldest lines: at most so many bytes of them, but at least one if there is one."""
        taken: list[bytes] = []
        size_bytes = 0
        with self._lock:
            while self._lines and (not taken or size_bytes + len(self._lines[0]) <= most_bytes):
                line = self._lines.popleft()
                size_bytes += len(line)
                taken.append(line)
            self._size_bytes -= size_bytes
        return taken

    def lost(self, lines: int) -> None:
        """Lines that were taken could not be written: they count as dropped."""
        with self._lock:
            self._dropped += lines

    def dropped(self) -> int:
        """How many lines were dropped since this was asked last."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped
