"""Small events that something changed, for each open page; the page asks for the new state itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

from manyeyes.api.overview import NoticeKind
from manyeyes.errors import Busy

KINDS: tuple[NoticeKind, ...] = get_args(NoticeKind)
APART_S = 0.5
"""Between two notices of one kind to one listener."""
MOST_LISTENERS = 256


class Listener:
    """The events that one listener has not read yet: each kind at most once, so a slow one loses only how often it changed.

    It starts with every kind, because anything may have changed before it listened.
    """

    def __init__(self) -> None:
        self._pending: set[NoticeKind] = set(KINDS)
        self._told_at: dict[NoticeKind, float] = {}
        self._news = asyncio.Event()
        self.closed = False

    def add(self, kind: NoticeKind) -> None:
        """Something of this kind changed."""
        if kind not in self._pending:
            self._pending.add(kind)
            self._news.set()

    def close(self) -> None:
        """No more events will come."""
        self.closed = True
        self._news.set()

    def take_due(self, now: float) -> list[NoticeKind]:
        """The kinds to send now; they count as sent."""
        due = [kind for kind in KINDS if kind in self._pending and self._wait_s(kind, now) <= 0]
        self._pending.difference_update(due)
        self._told_at.update(dict.fromkeys(due, now))
        return due

    async def next(self, silence_s: float) -> list[NoticeKind]:
        """The next kinds to send; none after `silence_s` without any, or when the hub closes."""
        end = time.monotonic() + silence_s
        while not self.closed:
            now = time.monotonic()
            if due := self.take_due(now):
                return due
            wait_s = min([end - now, *(self._wait_s(kind, now) for kind in self._pending)])
            if wait_s <= 0:
                break
            self._news.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
            except TimeoutError:
                continue
        return []

    def _wait_s(self, kind: NoticeKind, now: float) -> float:
        return self._told_at.get(kind, -APART_S) + APART_S - now


class EventHub:
    """Passes notices on to all listeners; one per master."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._closed = False

    @property
    def listeners(self) -> int:
        """How many listen just now."""
        return len(self._listeners)

    def notify(self, kind: NoticeKind) -> None:
        """Something of this kind changed; cheap, and never waits."""
        for listener in self._listeners:
            listener.add(kind)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """A listener, from now on until left.

        Raises:
            Busy: too many listen already.
        """
        if len(self._listeners) >= MOST_LISTENERS:
            raise Busy(
                f"{len(self._listeners)} pages and programs listen to events already, the limit is {MOST_LISTENERS}; "
                "close some pages, or poll instead",
                retry_after_s=10,
            )
        listener = Listener()
        listener.closed = self._closed
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End all listening, so that the gateway can stop."""
        self._closed = True
        for listener in self._listeners:
            listener.close()
