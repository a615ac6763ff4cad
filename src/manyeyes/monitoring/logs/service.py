"""The logs of one master: takes nodes' lines in, sends its own, follows the stream into its index, answers.

Pictures never wait for this: lines that do not fit are dropped, and a log line says how many.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from manyeyes import contract
from manyeyes.broker.connection import Incoming, Link
from manyeyes.broker.logstream import LogStream
from manyeyes.config import LogSettings
from manyeyes.errors import Busy, TraceNotFound, Unavailable
from manyeyes.monitoring.logs.intake import MAX_MESSAGE_BYTES, Batch, Budget, batch_of, own_line, read_batch
from manyeyes.monitoring.logs.spans import Span, may_read, spans_of
from manyeyes.store.logs_index import Index, Line, Question
from manyeyes.telemetry import log
from manyeyes.telemetry.batches import MAX_BATCH_BYTES
from manyeyes.telemetry.events import to_send

MACHINE = "master"
"""The machine name of a master's own lines; the role distinguishes it from a node of that name."""
SEND_EVERY_S = 0.5
HEARTBEAT_S = 10.0
"""Of a stream of lines in which nothing happens."""
MOST_FOLLOWERS = 64
_FOLLOW_EVERY_S = 0.25
_MOST_WAITING = 64
"""Batches of nodes that wait to be checked."""
_TELL_EVERY_S = 10.0
_AGAIN_S = 5.0
_TIDY_EVERY_S = 5.0
_PAGE = 500
_T = TypeVar("_T")


@dataclass(frozen=True)
class TraceFound:
    """The trace of a picture: its spans in the order of a waterfall, and the lines that they come from."""

    trace_id: str
    spans: list[Span]
    lines: list[Line]


class LogService:
    """One per master.

    Args:
        folder: of the index, `logs.db`.
    """

    def __init__(self, link: Link, settings: LogSettings, folder: Path) -> None:
        self._link = link
        self._settings = settings
        self._stream = LogStream(link)
        self._path = folder / "logs.db"
        self._index: Index | None = None
        self._thread = ThreadPoolExecutor(1, "logs")
        self._budget = Budget(settings.machine_lines_per_s)
        self._heard: asyncio.Queue[tuple[str, bytes, float]] = asyncio.Queue(_MOST_WAITING)
        self._dropped: Counter[str] = Counter()
        self._news = asyncio.Event()
        self._followers = 0
        self._stopping = False

    def heard(self, node: str, message: Incoming) -> None:
        """A node sends lines; never waits."""
        fits = len(message.data) <= MAX_MESSAGE_BYTES and self._budget.batch(node, time.monotonic())
        if not fits or self._heard.full():
            self._dropped[node] += 1
            return
        self._heard.put_nowait((node, message.data, time.time()))

    def forget(self, node: str) -> None:
        """The node was removed; its lines stay."""
        self._budget.forget(node)

    async def run(self) -> None:
        """Work until cancelled; errors here are logged, and stop nothing else."""
        try:
            while True:
                try:
                    await self._work()
                except Exception:
                    if (task := asyncio.current_task()) is not None and task.cancelling():
                        return  # a part of it failed while it was cancelled, and the group told that instead
                    log().exception("the logs stopped, and begin again", in_s=_AGAIN_S)
                    await asyncio.sleep(_AGAIN_S)
        finally:
            self._thread.submit(self._close)
            self._thread.shutdown(wait=False)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take_in(), name="logs-in")
            group.create_task(self._send_own(), name="logs-own")
            group.create_task(self._tell_dropped(), name="logs-dropped")
            group.create_task(self._follow_stream(), name="logs-index")
            group.create_task(self._tidy(), name="logs-tidy")

    def stop_following(self) -> None:
        """End all streams of followers: the gateway is about to stop."""
        self._stopping = True
        self._tell()

    def _close(self) -> None:
        if self._index is not None:
            self._index.close()

    async def _in_thread(self, call: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    # into the stream

    async def _take_in(self) -> None:
        while True:
            node, data, received_at = await self._heard.get()
            batch, dropped = await self._in_thread(
                read_batch, node, data, received_at, self._budget, time.monotonic()
            )
            if dropped:
                self._dropped[node] += dropped
            if batch is not None:
                await self._stream.publish(contract.logs_subject("node", node), batch.data, batch.batch_id)

    async def _send_own(self) -> None:
        subject = contract.logs_subject("master", MACHINE)
        while True:
            await asyncio.sleep(SEND_EVERY_S)
            while len(to_send) and self._link.idle:
                batch = await self._in_thread(_own_batch)
                await self._stream.publish(subject, batch.data, batch.batch_id)
                await asyncio.sleep(0.05)

    async def _tell_dropped(self) -> None:
        while True:
            await asyncio.sleep(_TELL_EVERY_S)
            if own := to_send.dropped():
                log().warning("lines of the log were not sent", lines=own)
            for node, number in self._dropped.most_common(20):
                log().warning("lines of a node's log were dropped", node=node, lines=number)
            self._dropped.clear()

    # into the index

    async def _opened(self) -> Index:
        if self._index is None:
            settings = self._settings
            self._index = await self._in_thread(Index, self._path, settings.index_bytes, settings.age_s)
        return self._index

    async def _follow_stream(self) -> None:
        settings = self._settings
        while True:
            try:
                index = await self._opened()
                made = await self._stream.prepare(
                    max_bytes=settings.stream_bytes,
                    age_s=settings.age_s,
                    machine_batches=settings.machine_batches,
                )
                place = await self._in_thread(index.place, made)
                async with contextlib.aclosing(self._stream.read(place + 1)) as batches:
                    async for some in batches:
                        await self._in_thread(index.add, some)
                        self._tell()
            except (Unavailable, sqlite3.Error, OSError) as error:
                log().warning("the logs are not indexed just now", error=str(error), again_in_s=_AGAIN_S)
                await asyncio.sleep(_AGAIN_S)

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_EVERY_S)
            with contextlib.suppress(sqlite3.Error, OSError):
                index = await self._opened()
                while await self._in_thread(index.tidy, time.time()):
                    await asyncio.sleep(0.02)

    # answers

    async def lines(
        self, question: Question, *, after: int = 0, until: int = 0, limit: int = 200
    ) -> list[Line]:
        """Lines, the newest last; see `Index.lines`.

        Raises:
            BadRequest: it would take too long.
            Unavailable: the index cannot be read.
        """
        return await self._ask(lambda index: index.lines(question, after=after, until=until, limit=limit))

    async def has_lines_of(self, machine: str) -> bool:
        """Whether a line of that machine is here; raises Unavailable if the index cannot be read."""
        return await self._ask(lambda index: index.has_lines_of(machine))

    async def trace(self, trace_id: str, *, only_of: str | None = None) -> TraceFound:
        """The trace of a picture.

        Args:
            only_of: an API key's id: only what was sent with it.

        Raises:
            TraceNotFound: no line of it is here.
            Unavailable: the index cannot be read.
        """
        lines = await self._ask(lambda index: index.trace(trace_id))
        lines = lines if only_of is None else may_read(lines, only_of)
        if not lines:
            raise TraceNotFound(
                f"the logs hold no line of trace {trace_id}; lines come within a second or two, and are kept for "
                f"{self._settings.age_s / 86400:.3g} days at most"
            )
        return TraceFound(trace_id, spans_of(lines), lines)

    async def follow(self, question: Question, limit: int) -> AsyncGenerator[list[Line], None]:
        """The newest lines, then new ones as they come; none of them now and then, as a sign of life.

        Raises:
            Busy: too many follow already.
        """
        if self._followers >= MOST_FOLLOWERS:
            raise Busy(
                f"{self._followers} programs follow the logs already, the limit is {MOST_FOLLOWERS}; try again later"
            )
        self._followers += 1
        try:
            place = await self._ask(lambda index: index.newest())
            first = await self.lines(question, until=place + 1, limit=limit) if limit else []
            yield first
            while not self._stopping:
                news = self._news
                newest = await self._ask(lambda index: index.newest())
                some = await self.lines(question, after=place or -1, until=newest + 1, limit=_PAGE)
                if some:
                    place = some[-1].number
                    yield some
                    await asyncio.sleep(_FOLLOW_EVERY_S)
                    continue
                place = newest
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await news.wait()
                except TimeoutError:
                    yield []
        finally:
            self._followers -= 1

    async def _ask(self, question: Callable[[Index], _T]) -> _T:
        try:
            index = await self._opened()
            return await self._in_thread(question, index)
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(
                f"the master's index of the logs cannot be read: {error}", retry_after_s=2
            ) from error


def _own_batch() -> Batch:
    lines = to_send.take(MAX_BATCH_BYTES)
    kept: list[bytes] = []
    for line in lines:
        with contextlib.suppress(ValueError):
            kept.append(own_line(line))
    return batch_of(kept, b"\n".join(lines))
