"""How many pictures are under way at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from manyeyes.cli.sending.batch import Tally, run_batch
from manyeyes.cli.sending.plan import plan, read_arguments
from manyeyes.cli.sending.width import FIRST, MOST, width_for
from manyeyes.cli.sending.writer import Writer
from manyeyes.results import Result
from manyeyes.sdk.answers import Prediction


def test_as_many_as_keep_all_workers_busy() -> None:
    assert width_for(0) == FIRST
    assert width_for(2) == FIRST
    assert width_for(20) == 60
    assert width_for(5000) == MOST


class Gate:
    """A service that answers only once so many pictures are under way."""

    def __init__(self, opens_at: int) -> None:
        self.opens_at = opens_at
        self.at_once = 0
        self.open = asyncio.Event()

    async def recognize(self, picture_in: bytes, /, *, picture: bool, still: object = None) -> Prediction:
        self.at_once += 1
        if self.at_once >= self.opens_at:
            self.open.set()
        await self.open.wait()
        return Prediction(
            Result(width_px=1, height_px=1, media_type="image/png", faces=(), pack="p", timings_ms={})
        )


def test_more_are_under_way_once_the_fleet_has_grown(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number}.jpg").write_bytes(b"x")
    gate, tally, writer = Gate(opens_at=9), Tally(), Writer(None)

    async def wider() -> AsyncIterator[int]:
        yield 2
        while gate.at_once < 2:
            await asyncio.sleep(0.001)
        yield 9
        await asyncio.Event().wait()

    async def scene() -> None:
        await run_batch(
            gate,
            plan(read_arguments([folder], None)),
            writer,
            tally,
            in_flight=2,
            wider=wider(),
            pictures=False,
            said=lambda line: None,
        )

    asyncio.run(asyncio.wait_for(scene(), 10))
    writer.close()
    assert (tally.done, tally.failed) == (12, 0)
