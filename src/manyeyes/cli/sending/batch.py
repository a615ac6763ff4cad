"""Sends many pictures, several in flight; a failed picture is recorded and the rest go on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from manyeyes.cli.sending.plan import Source
from manyeyes.cli.sending.writer import Writer
from manyeyes.errors import DrawingFailed, FileTrouble, ManyeyesError, NotAllowed, NotSignedIn, Unavailable
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
    first_failures: list[tuple[str, str, str]] = field(default_factory=list)
    """(file, detail, trace id) of the first `MAX_LISTED` failures; the record has all of them."""

    def add(self, line: dict[str, Any]) -> None:
        """Count one line of the record."""
        if "error" in line:
            self.failed += 1
            if len(self.first_failures) < MAX_LISTED:
                self.first_failures.append((line["file"], line["error"]["detail"], line["trace_id"]))
            return
        self.done += 1
        self.faces += len(line["faces"])
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
        said: called with each line after it is stored, and with None for a picture that an earlier run did.
        drawing: draws the boxes on this machine; if None, the service draws. Beside those in flight, at most
            twice as many pictures as it has threads are in memory.
        alongside: runs in a thread during the batch; the event tells it to end early.

    Raises:
        FileTrouble: nothing more can be written to OUT.
        Unavailable: patience ended for as many pictures in a row as are in flight, or for all pictures.
        NotSignedIn, NotAllowed: the key is unknown, or its role does not allow the call.
    """
    queue: asyncio.Queue[Source | None] = asyncio.Queue(maxsize=in_flight)
    undrawn = asyncio.Semaphore(2 * drawing.threads if drawing else 1)
    writing = asyncio.Lock()
    over = threading.Event()
    unanswered = 0
    last_unanswered: Unavailable | None = None
    senders: set[asyncio.Task[None]] = set()

    async def feed() -> None:
        while some := await asyncio.to_thread(lambda: list(islice(sources, _TAKEN_AT_ONCE))):
            for source in map(writer.checked, some):
                if source.trouble is None and writer.has(source, picture=pictures):
                    tally.skipped += 1
                    said(None)
                else:
                    await queue.put(source)
        await queue.put(None)

    async def widen(wanted: AsyncIterator[int]) -> None:
        async for number in wanted:
            begin(number - len(senders))

    async def keep(source: Source, answer: Prediction | ManyeyesError) -> None:
        async with writing:
            if isinstance(answer, Prediction):
                line = await asyncio.to_thread(writer.done, source, answer)
            else:
                line = await asyncio.to_thread(writer.failed, source, answer)
        tally.add(line)
        said(line)

    async def draw_and_keep(drawer: Drawer, source: Source, content: bytes, answer: Prediction) -> None:
        try:
            await keep(source, await drawer.draw(content, answer.result))
        except DrawingFailed as error:
            await keep(source, error)
        finally:
            undrawn.release()

    async def send() -> None:
        nonlocal unanswered, last_unanswered
        while (source := await queue.get()) is not None:
            try:
                content = await _content(source)
                answer = await client.recognize(content, picture=pictures and drawing is None)
            except (NotSignedIn, NotAllowed):
                raise
            except ManyeyesError as error:
                if isinstance(error, Unavailable):
                    unanswered += 1
                    last_unanswered = error
                elif source.trouble is None:
                    unanswered = 0
                await keep(source, error)
            else:
                unanswered = 0
                if drawing is None:
                    await keep(source, answer)
                else:
                    await undrawn.acquire()
                    group.create_task(
                        draw_and_keep(drawing, source, content, answer), name=f"draw {source.relative}"
                    )
            if last_unanswered is not None and unanswered >= len(senders):
                raise last_unanswered
        await queue.put(None)

    def begin(number: int) -> None:
        for _ in range(number):
            sender = group.create_task(send(), name=f"send-{len(senders)}")
            senders.add(sender)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(feed(), name="plan")
            if alongside is not None:
                group.create_task(asyncio.to_thread(alongside, over), name="alongside")
            begin(in_flight)
            widening = group.create_task(widen(wider), name="widen") if wider is not None else None
            while running := [sender for sender in senders if not sender.done()]:
                await asyncio.wait(running)
            if widening is not None:
                widening.cancel()
    except BaseExceptionGroup as several:
        stop: BaseException = several
        while isinstance(stop, BaseExceptionGroup):
            stop = stop.exceptions[0]
        raise stop from None
    finally:
        over.set()
    if last_unanswered is not None and unanswered and not tally.done:
        raise last_unanswered


async def _content(source: Source) -> bytes:
    if source.trouble is not None:
        raise source.trouble
    try:
        return await asyncio.to_thread(source.path.read_bytes)
    except OSError as error:
        raise FileTrouble(f"{source.path} cannot be read: {error.strerror or error}") from error
