"""Sends many pictures, several in flight; a failed picture is recorded and the rest go on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from manyeyes.cli.sending.record import digest
from manyeyes.cli.sending.source import Source
from manyeyes.cli.sending.writer import Writer
from manyeyes.errors import (
    DrawingFailed,
    ManyeyesError,
    NotAllowed,
    NotSignedIn,
    Unavailable,
    UntrustedCertificate,
    WrongAddress,
    first_of,
)
from manyeyes.local_files import MOST_PICTURE_BYTES, read_whole, unreadable
from manyeyes.results import Result
from manyeyes.sdk.answers import Prediction

MAX_LISTED = 50
_TAKEN_AT_ONCE = 64


class Recognizing(Protocol):
    """What a batch needs from a client."""

    async def recognize(self, picture_in: bytes, /, *, picture: bool) -> Prediction: ...


class Drawer(Protocol):
    """What a batch needs to draw the boxes on this machine."""

    threads: int

    async def draw(self, original: bytes, result: Result) -> Prediction: ...


@dataclass
class Tally:
    """The outcomes of the pictures so far."""

    done: int = 0
    skipped: int = 0
    """Done by an earlier run."""
    failed: int = 0
    faces: int = 0
    named: int = 0
    faulty: int = 0
    """Done, in spite of a fault of the file that does no harm."""
    first_failures: list[tuple[str, str, str]] = field(default_factory=list)
    """(file, detail, trace id) of the first `MAX_LISTED` failures; the record has all of them."""
    seen: set[bytes] = field(default_factory=set)
    """The digests of the names of all pictures so far."""

    def skip(self, source: Source) -> None:
        """Count a picture that an earlier run did."""
        self.skipped += 1
        self.seen.add(digest(source.relative))

    def add(self, line: dict[str, Any]) -> None:
        """Count one line of the record."""
        self.seen.add(digest(line["file"]))
        if "error" in line:
            self.failed += 1
            if len(self.first_failures) < MAX_LISTED:
                self.first_failures.append((line["file"], line["error"]["detail"], line["trace_id"]))
            return
        self.done += 1
        self.faces += len(line["faces"])
        self.faulty += bool(line["warnings"])
        self.named += sum(face["name"] is not None for face in line["faces"])


async def run_batch(
    client: Recognizing,
    sources: Iterator[Source],
    writer: Writer,
    tally: Tally,
    *,
    in_flight: int,
    pictures: bool,
    said: Callable[[dict[str, Any] | None], None],
    again: bool = False,
    wider: AsyncIterator[int] | None = None,
    drawing: Drawer | None = None,
    alongside: Callable[[threading.Event], None] | None = None,
) -> None:
    """Send every source that no earlier run has done, and store each answer.

    A picture gets its line after it was answered and drawn. A picture that is interrupted before is sent again
    by the next run.

    Args:
        in_flight: how many pictures are in flight at once; about twice as many are listed ahead.
        pictures: predicted pictures are wanted too.
        wider: yields how many may be in flight from now on; smaller numbers are ignored.
        again: send what an earlier run has done too.
        said: called with each line after it is stored, and with None for a picture that an earlier run did.
        drawing: draws the boxes on this machine; if None, the service draws. Beside those in flight, at most
            twice as many pictures as it has threads are in memory.
        alongside: runs in a thread during the batch; the event tells it to end early.

    Raises:
        FileTrouble: nothing more can be written to OUT.
        Unavailable: patience ended for as many pictures in a row as are in flight, or for all pictures.
        NotSignedIn, NotAllowed: the key is unknown, or its role does not allow the call.
        UntrustedCertificate, WrongAddress: it is no master that answers, or none to trust.
    """
    over = threading.Event()
    try:
        async with asyncio.TaskGroup() as group:
            batch = _Batch(client, _Record(writer, tally, said, again), group, pictures, drawing, in_flight)
            group.create_task(batch.plan(sources), name="plan")
            if alongside is not None:
                group.create_task(asyncio.to_thread(alongside, over), name="alongside")
            batch.widen_to(in_flight)
            widening = group.create_task(_widen(batch, wider), name="widen") if wider is not None else None
            await batch.sent()
            if widening is not None:
                widening.cancel()
    except BaseExceptionGroup as several:
        raise first_of(several) from several
    finally:
        over.set()
    if batch.last_unanswered is not None and batch.unanswered and not tally.done:
        raise batch.last_unanswered


async def _widen(batch: _Batch, wider: AsyncIterator[int]) -> None:
    async for number in wider:
        batch.widen_to(number)


@dataclass
class _Record:
    """Writes what came of each picture, counts it and tells it, one picture at a time."""

    writer: Writer
    tally: Tally
    said: Callable[[dict[str, Any] | None], None]
    again: bool = False
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def has(self, source: Source, pictures: bool) -> bool:
        """Whether an earlier run did this picture; it is counted then."""
        if self.again or source.trouble is not None or not self.writer.has(source, picture=pictures):
            return False
        self.tally.skip(source)
        self.said(None)
        return True

    async def keep(self, source: Source, answer: Prediction | ManyeyesError) -> None:
        async with self.writing:
            if isinstance(answer, Prediction):
                line = await asyncio.to_thread(self.writer.done, source, answer)
            else:
                line = await asyncio.to_thread(self.writer.failed, source, answer)
        self.tally.add(line)
        self.said(line)


class _Batch:
    """The pictures of one run: a queue, and senders that each have one picture in flight."""

    def __init__(
        self,
        client: Recognizing,
        record: _Record,
        group: asyncio.TaskGroup,
        pictures: bool,
        drawing: Drawer | None,
        in_flight: int,
    ) -> None:
        self._client = client
        self._record = record
        self._group = group
        self._pictures = pictures
        self._drawing = drawing
        self._queue: asyncio.Queue[Source | None] = asyncio.Queue(maxsize=in_flight)
        self._undrawn = asyncio.Semaphore(2 * drawing.threads if drawing else 1)
        self._senders: list[asyncio.Task[None]] = []
        self.unanswered = 0
        """How many pictures in a row the service did not answer."""
        self.last_unanswered: Unavailable | None = None

    async def plan(self, sources: Iterator[Source]) -> None:
        """Queue what no earlier run has done; None ends the queue."""
        while some := await asyncio.to_thread(lambda: list(islice(sources, _TAKEN_AT_ONCE))):
            for source in map(self._record.writer.checked, some):
                if not self._record.has(source, self._pictures):
                    await self._queue.put(source)
        await self._queue.put(None)

    def widen_to(self, number: int) -> None:
        """Have so many pictures in flight; fewer than now changes nothing."""
        for index in range(len(self._senders), number):
            self._senders.append(self._group.create_task(self._send(), name=f"send-{index}"))

    async def sent(self) -> None:
        """Wait until the queue has ended; what is drawn here may still be at work."""
        while running := [sender for sender in self._senders if not sender.done()]:
            await asyncio.wait(running)

    async def _send(self) -> None:
        while (source := await self._queue.get()) is not None:
            try:
                content = await _content(source)
                answer = await self._client.recognize(
                    content, picture=self._pictures and self._drawing is None
                )
            except (NotSignedIn, NotAllowed, UntrustedCertificate, WrongAddress):
                raise
            except ManyeyesError as error:
                self._count(source, error)
                await self._record.keep(source, error)
            else:
                self.unanswered = 0
                await self._answered(source, content, answer)
            if self.last_unanswered is not None and self.unanswered >= len(self._senders):
                raise self.last_unanswered
        await self._queue.put(None)

    def _count(self, source: Source, error: ManyeyesError) -> None:
        if isinstance(error, Unavailable):
            self.unanswered += 1
            self.last_unanswered = error
        elif source.trouble is None:
            self.unanswered = 0

    async def _answered(self, source: Source, content: bytes, answer: Prediction) -> None:
        if self._drawing is None:
            await self._record.keep(source, answer)
            return
        await self._undrawn.acquire()
        drawn = self._draw_and_keep(self._drawing, source, content, answer)
        self._group.create_task(drawn, name=f"draw {source.relative}")

    async def _draw_and_keep(
        self, drawer: Drawer, source: Source, content: bytes, answer: Prediction
    ) -> None:
        try:
            await self._record.keep(source, await drawer.draw(content, answer.result))
        except DrawingFailed as error:
            await self._record.keep(source, error)
        finally:
            self._undrawn.release()


async def _content(source: Source) -> bytes:
    if source.trouble is not None:
        raise source.trouble
    try:
        return await asyncio.to_thread(read_whole, source.path, MOST_PICTURE_BYTES)
    except OSError as error:
        raise unreadable(source.path, error) from error
