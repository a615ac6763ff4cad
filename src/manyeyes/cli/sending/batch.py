"""Sends many pictures, several in flight; a failed picture is recorded and the rest go on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Protocol

from manyeyes.api.videos import Still
from manyeyes.cli.sending.record import digest
from manyeyes.cli.sending.source import Source
from manyeyes.cli.sending.videos import StillReader
from manyeyes.cli.sending.writer import Writer
from manyeyes.error_codes import from_code
from manyeyes.errors import (
    DrawingFailed,
    FileTrouble,
    ManyeyesError,
    NotAllowed,
    NotSignedIn,
    PictureError,
    PictureKillsWorkers,
    Unavailable,
    UntrustedCertificate,
    WrongAddress,
    first_of,
)
from manyeyes.local_files import MOST_PICTURE_BYTES, read_whole
from manyeyes.recognition.pictures.taken import taken_at
from manyeyes.results import Result
from manyeyes.sdk.answers import Prediction

MAX_LISTED = 50
_TAKEN_AT_ONCE = 64


class Recognizing(Protocol):
    """What a batch needs from a client."""

    async def recognize(
        self, picture_in: bytes, /, *, picture: bool, still: Still | None = None
    ) -> Prediction: ...


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
    first_failures: list[tuple[str, str]] = field(default_factory=list)
    """(path, detail) of the first `MAX_LISTED` failures; the record has all of them."""
    in_service: int = 0
    """Failed for a reason of which the master's log has more than the error says."""
    seen: set[bytes] = field(default_factory=set)
    """The digests of the names of all pictures so far."""
    first_sent_s: float | None = None
    """When the first picture was sent, on the monotonic clock: before, pictures were looked for."""
    paths: dict[bytes, str] = field(default_factory=dict)
    """Of the first `MAX_LISTED` of them, the path by which the user knows it."""

    def sending(self) -> None:
        """A picture is sent now."""
        self.first_sent_s = self.first_sent_s or time.monotonic()

    def has_begun(self) -> bool:
        """Whether a picture was found."""
        return bool(self.seen) or self.first_sent_s is not None

    def rate(self, now_s: float) -> float:
        """Pictures a second, since the first one was sent; 0 before."""
        took_s = 0.0 if self.first_sent_s is None else now_s - self.first_sent_s
        return (self.done + self.failed) / took_s if took_s > 0 else 0.0

    def skip(self, source: Source) -> None:
        """Count a picture that an earlier run did."""
        self.skipped += 1
        self._see(source)

    def add(self, source: Source, line: dict[str, Any]) -> None:
        """Count one picture, by its line of the record."""
        self._see(source)
        if "error" in line:
            self.failed += 1
            self.in_service += says_more(line)
            if len(self.first_failures) < MAX_LISTED:
                self.first_failures.append((str(source.path), line["error"]["detail"]))
            return
        self.done += 1
        self.faces += len(line["faces"])
        self.faulty += bool(line["warnings"])
        self.named += sum(face["name"] is not None for face in line["faces"])

    def _see(self, source: Source) -> None:
        key = digest(source.relative)
        self.seen.add(key)
        if len(self.paths) < MAX_LISTED:
            self.paths[key] = str(source.path)


def says_more(line: dict[str, Any]) -> bool:
    """Whether the log says more of a failure than its error: not where the picture itself is the reason, or no master had it."""
    error = from_code(line["error"]["code"], "")
    at_fault = not isinstance(error, PictureError) or isinstance(error, PictureKillsWorkers)
    return bool(line.get("trace_id")) and at_fault and not isinstance(error, Unavailable)


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
        self.tally.add(source, line)
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
        """Queue what no earlier run has done, stills decoded; None ends the queue."""
        stills, at_once = StillReader(), 1  # so that the first picture is sent as soon as it is found
        try:
            while some := await asyncio.to_thread(_next, sources, at_once):
                at_once = min(_TAKEN_AT_ONCE, 2 * at_once)
                for source in map(self._record.writer.checked, some):
                    if self._record.has(source, self._pictures):
                        continue
                    ready = source if source.still is None else await asyncio.to_thread(stills.ready, source)
                    if ready is not None:
                        await self._queue.put(ready)
        finally:
            stills.close()
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
                content, source = await _read(source)
                self._record.tally.sending()
                answer = await self._client.recognize(
                    content, picture=self._pictures and self._drawing is None, still=source.still
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


def _next(sources: Iterator[Source], number: int) -> list[Source]:
    return list(islice(sources, number))


async def _read(source: Source) -> tuple[bytes, Source]:
    """The bytes to send, and the source with what they say about themselves."""
    if source.trouble is not None:
        raise source.trouble
    if source.content is not None:
        return source.content, replace(source, content=None)
    try:
        return await asyncio.to_thread(_read_picture, source)
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        said = "it is not there any more" if gone else f"it cannot be read: {error.strerror or error}"
        raise FileTrouble(said) from error


def _read_picture(source: Source) -> tuple[bytes, Source]:
    content = read_whole(source.path, MOST_PICTURE_BYTES)
    return content, replace(source, taken=taken_at(content))
