"""One stream of log lines for all pages that ask for the same: ten people who look cost little more than one.

The stream is followed with the session of the page that has been open longest; every page asks with its own session as it
begins, and again every `SHOWN_AGAIN_S`, whether it may read logs.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from manyeyes.console.pages.logs.words import Row, row
from manyeyes.errors import ManyeyesError, NotSignedIn, Unavailable
from manyeyes.sdk.client import AsyncClient
from manyeyes.telemetry import log

SHOWN_AGAIN_S = 15.0
EVERY_S = 1.0
"""Between two lots of new rows."""
BACKLOG = 100
"""Rows that a page gets at once, so that none is missing between its first list and the stream."""
MOST_WAITING = 500

Filters = tuple[tuple[str, str], ...]


@dataclass(eq=False)
class _Reader:
    client: AsyncClient
    waiting: deque[Row] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: ManyeyesError | None = None

    def fail(self, error: ManyeyesError) -> None:
        self.trouble = error
        self.woken.set()


class _Stream:
    """The lines that fit some filters, for as long as somebody reads them."""

    def __init__(self, filters: Filters) -> None:
        self._filters: dict[str, Any] = {name: value for name, value in filters if value}
        self._backlog: deque[Row] = deque(maxlen=BACKLOG)
        self._newest = -1
        self._leader: _Reader | None = None
        self._task: asyncio.Task[None] | None = None
        self.readers: list[_Reader] = []

    def join(self, reader: _Reader) -> None:
        """Begin to read, with the latest rows."""
        reader.waiting.extend(self._backlog)
        reader.woken.set()
        self.readers.append(reader)
        self._lead()

    def leave(self, reader: _Reader) -> None:
        """Read no more."""
        if reader in self.readers:
            self.readers.remove(reader)
            self._lead()

    def _lead(self) -> None:
        """See to it that the first reader's client follows."""
        leader = self.readers[0] if self.readers else None
        if leader is self._leader:
            return
        if self._task is not None:
            self._task.cancel()
        self._leader = leader
        self._task = asyncio.create_task(self._run(leader), name="console-log-stream") if leader else None

    async def _run(self, leader: _Reader) -> None:
        try:
            async with aclosing(
                leader.client.logs.follow(**self._filters, limit=BACKLOG, brief=True)
            ) as lines:
                async for line in lines:
                    if line.number > self._newest:
                        self._newest = line.number
                        self._give(row(line))
        except NotSignedIn as error:
            leader.fail(error)
            self.leave(leader)
        except ManyeyesError as error:
            self._fail_all(error)
        except Exception as error:
            log().error("a stream of log lines failed", error=repr(error))
            self._fail_all(Unavailable("the console could not read the logs; the master's log says why"))

    def _fail_all(self, error: ManyeyesError) -> None:
        self._leader, failed = None, self.readers
        self.readers = []
        for reader in failed:
            reader.fail(error)

    def _give(self, new: Row) -> None:
        self._backlog.append(new)
        for reader in self.readers:
            reader.waiting.append(new)
            reader.woken.set()


class SharedTails:
    """The streams of one console."""

    def __init__(self) -> None:
        self._streams: dict[Filters, _Stream] = {}

    async def follow(self, client: AsyncClient, filters: Filters) -> AsyncGenerator[list[Row], None]:
        """The latest rows, then new ones as they come, at most every `EVERY_S`; more than `MOST_WAITING` at once are
        cut to the newest.

        Args:
            client: shows the session of the reader.
            filters: as `Logs.follow` takes them, by their names.

        Raises:
            NotSignedIn, NotAllowed: the session has ended, or may not read logs.
            Unavailable: the master went away; follow again.
        """
        reader, shown_at = _Reader(client), time.monotonic()
        await client.logs.list(limit=1)
        stream = self._streams.setdefault(filters, _Stream(filters))
        stream.join(reader)
        try:
            while True:
                try:
                    async with asyncio.timeout(SHOWN_AGAIN_S):
                        await reader.woken.wait()
                except TimeoutError:
                    pass
                reader.woken.clear()
                if reader.trouble is not None:
                    raise reader.trouble
                if reader.waiting:
                    rows = list(reader.waiting)
                    reader.waiting.clear()
                    yield rows
                if time.monotonic() - shown_at >= SHOWN_AGAIN_S:
                    await client.logs.list(limit=1)
                    shown_at = time.monotonic()
                await asyncio.sleep(EVERY_S)
        finally:
            stream.leave(reader)
            if not stream.readers and self._streams.get(filters) is stream:
                del self._streams[filters]


tails = SharedTails()
"""Of this process, as its pages are."""
