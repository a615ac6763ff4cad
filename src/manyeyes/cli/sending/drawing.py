"""`--draw here`: draws boxes and names on this machine, on all its cores, within a memory limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import cv2

from manyeyes.cgroups import read_machine
from manyeyes.errors import DrawingFailed, ManyeyesError
from manyeyes.recognition.pictures.encode import Encoded
from manyeyes.recognition.pictures.predicted import draw
from manyeyes.results import Result
from manyeyes.sdk.answers import Prediction

MOST_PIXELS = 100_000_000
"""The most pixels that all threads together draw at once; a picture larger than that is drawn alone. A pixel takes
4 to 11 bytes, see the table in docs/reference/pictures.md."""


class Drawing:
    """Draws many pictures at once in threads: the decoders and encoders release the GIL.

    Args:
        threads: how many at once; by default one for each core that this process may use.
        most_pixels: see `MOST_PIXELS`.
        by: the function that draws one picture.
    """

    def __init__(
        self,
        threads: int | None = None,
        *,
        most_pixels: int = MOST_PIXELS,
        by: Callable[[bytes, Result], Encoded] = draw,
    ) -> None:
        self.threads = threads or read_machine().workers
        self._most_pixels = most_pixels
        self._by = by
        self._pixels = 0
        self._changed = asyncio.Condition()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="draw")
        cv2.setNumThreads(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def draw(self, original: bytes, result: Result) -> Prediction:
        """Draw a result's predicted picture; waits while other pictures use all threads or the memory limit.

        Raises:
            DrawingFailed: the picture cannot be drawn on this machine; the message says why.
        """
        async with self._room_for(result.width_px * result.height_px):
            loop = asyncio.get_running_loop()
            drawn = await loop.run_in_executor(self._pool, self._drawn, original, result)
        return Prediction(result, drawn.content, drawn.media_type)

    @asynccontextmanager
    async def _room_for(self, pixels: int) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(
                lambda: not self._pixels or self._pixels + pixels <= self._most_pixels
            )
            self._pixels += pixels
        try:
            yield
        finally:
            async with self._changed:
                self._pixels -= pixels
                self._changed.notify_all()

    def _drawn(self, original: bytes, result: Result) -> Encoded:
        try:
            return self._by(original, result)
        except Exception as error:  # libraries raise many types of errors, and the other pictures must go on
            reason = error.detail if isinstance(error, ManyeyesError) else f"{type(error).__name__}: {error}"
            count = len(result.faces)
            found = "1 face was found, but its box" if count == 1 else f"{count} faces were found, but they"
            raise DrawingFailed(
                f"{found} cannot be drawn on this machine: {reason.splitlines()[0]}; "
                "with --draw there a node draws"
            ) from error
