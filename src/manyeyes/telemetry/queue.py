"""A queue of lines that wait to be written or sent. Its size is limited: the oldest lines are dropped and counted."""

from __future__ import annotations

import threading
from collections import deque


class Waiting:
    """Lines in order. Thread-safe; adding never blocks.

    Args:
        most_bytes: the limit for all lines together.
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
        """Take the oldest lines, at most `most_bytes` of them, but at least one line if there is one."""
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
        """Count lines as dropped that were taken but could not be written."""
        with self._lock:
            self._dropped += lines

    def dropped(self) -> int:
        """How many lines were dropped since the last call."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped
