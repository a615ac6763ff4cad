"""Drawing on the user's machine: many at once, never too much memory, a failure of one stays with it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from manyeyes.cli.sending.batch import Tally, run_batch
from manyeyes.cli.sending.drawing import Drawing
from manyeyes.cli.sending.plan import Source, plan, read_arguments
from manyeyes.cli.sending.writer import Writer
from manyeyes.errors import DamagedPicture, DrawingFailed, Unavailable
from manyeyes.recognition.pictures.encode import Encoded
from manyeyes.results import Result
from manyeyes.sdk.answers import Prediction

GATHER_S = 20.0


def result(width_px: int = 10, height_px: int = 10) -> Result:
    return Result(
        width_px=width_px, height_px=height_px, media_type="image/jpeg", faces=(), pack="p", timings_ms={}
    )


class Painter:
    """Draws by saying so, and counts how many do it at once; `gate` closed, nobody finishes."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.at_once: list[int] = []
        self._inside: list[int] = []
        self._lock = threading.Lock()

    def __call__(self, original: bytes, found: Result) -> Encoded:
        with self._lock:
            self._inside.append(found.width_px * found.height_px)
            self.at_once.append(sum(self._inside))
        self.gate.wait(GATHER_S)
        with self._lock:
            self._inside.remove(found.width_px * found.height_px)
        if original == b"damaged":
            raise DamagedPicture("it is damaged; send the original")
        if original == b"odd":
            raise ValueError("two\nlines")
        return Encoded(b"boxes on " + original, "image/jpeg")


async def until(what: Any) -> None:
    async with asyncio.timeout(GATHER_S):
        while not what():
            await asyncio.sleep(0.001)


async def draw_all(painter: Painter, results: list[Result], waits_for: int, **options: Any) -> None:
    painter.gate.clear()
    with Drawing(by=painter, **options) as drawing:
        running = [asyncio.ensure_future(drawing.draw(b"x", one)) for one in results]
        try:
            await until(lambda: len(painter.at_once) >= waits_for)
            for _ in range(20):
                await asyncio.sleep(0.001)
        finally:
            painter.gate.set()
        for drawn in await asyncio.gather(*running):
            assert drawn.picture == b"boxes on x"


def test_as_many_at_once_as_threads_while_the_loop_goes_on() -> None:
    painter = Painter()
    asyncio.run(draw_all(painter, [result()] * 9, waits_for=3, threads=3))
    assert len(painter.at_once) == 9
    assert max(painter.at_once) == 300


def test_never_more_pixels_than_allowed_but_a_larger_one_alone() -> None:
    painter = Painter()
    sizes = [result(30, 10), result(10, 10), result(50, 10), result(10, 10), result(30, 10)]
    asyncio.run(draw_all(painter, sizes, waits_for=2, threads=8, most_pixels=400))
    assert len(painter.at_once) == 5
    assert sorted(painter.at_once)[-1] == 500, "the one beyond the bound, and nothing beside it"
    assert sorted(painter.at_once)[-2] <= 400


def test_one_whose_wait_was_cancelled_takes_no_room() -> None:
    painter = Painter()

    async def scene() -> None:
        painter.gate.clear()
        with Drawing(4, most_pixels=100, by=painter) as drawing:
            first = asyncio.ensure_future(drawing.draw(b"1", result()))
            await until(lambda: painter.at_once)
            second = asyncio.ensure_future(drawing.draw(b"2", result()))
            await asyncio.sleep(0.01)
            second.cancel()
            painter.gate.set()
            await first
            assert (await drawing.draw(b"3", result())).picture == b"boxes on 3"

    asyncio.run(scene())
    assert painter.at_once == [100, 100]


@pytest.mark.parametrize(
    ("original", "why"), [(b"damaged", "it is damaged; send the original"), (b"odd", "ValueError: two")]
)
def test_a_failure_says_what_was_found_and_what_to_do(original: bytes, why: str) -> None:
    async def scene() -> None:
        with Drawing(1, by=Painter()) as drawing:
            await drawing.draw(original, result())

    with pytest.raises(DrawingFailed) as failed:
        asyncio.run(scene())
    assert failed.value.detail == (
        f"0 faces were found, but they cannot be drawn on this machine: {why}; with --draw there a node draws"
    )


class Master:
    """Answers every picture with a result; never asked for a predicted one where pictures are drawn here."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    async def recognize(self, picture_in: bytes, /, *, picture: bool, still: object = None) -> Prediction:
        assert not picture
        self.asked.append(picture_in)
        if picture_in == b"away":
            raise Unavailable("nobody there")
        return Prediction(result())


def album(folder: Path, **pictures: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pictures.items():
        (folder / f"{name}.jpg").write_bytes(content)
    return folder


def lines(out: Path) -> dict[str, dict[str, Any]]:
    found = [json.loads(line) for line in (out / "results.jsonl").read_bytes().splitlines()]
    assert len({line["file"] for line in found}) == len(found)
    return {line["file"]: line for line in found}


def send(master: Master, painter: Painter, folder: Path, out: Path, **options: Any) -> Tally:
    tally, writer = Tally(), Writer(out)

    async def scene() -> None:
        with Drawing(2, by=painter) as drawing:
            await run_batch(
                master,
                options.get("sources") or plan(read_arguments([folder], out)),
                writer,
                tally,
                in_flight=options.get("in_flight", 3),
                pictures=True,
                said=options.get("said", lambda line: None),
                drawing=drawing,
            )

    try:
        asyncio.run(scene())
    finally:
        writer.close()
    return tally


def test_a_picture_that_cannot_be_drawn_fails_alone_and_is_tried_again(tmp_path: Path) -> None:
    folder, out = album(tmp_path / "in", a=b"1", b=b"damaged", c=b"3", d=b"4"), tmp_path / "out"
    master = Master()
    tally = send(master, Painter(), folder, out)
    assert (tally.done, tally.failed) == (3, 1)
    assert lines(out)["b.jpg"]["error"]["code"] == "drawing-failed"
    assert {path.name: path.read_bytes() for path in out.glob("*.jpg")} == {
        name: b"boxes on " + content for name, content in (("a.jpg", b"1"), ("c.jpg", b"3"), ("d.jpg", b"4"))
    }
    album(folder, b=b"mended")
    again = send(master, Painter(), folder, out)
    assert (again.done, again.skipped, again.failed) == (1, 3, 0)
    assert "faces" in lines(out)["b.jpg"]


def test_stopped_between_result_and_drawing_it_is_sent_again_and_no_other(tmp_path: Path) -> None:
    folder, out = (
        album(tmp_path / "in", **{f"p{number}": b"%d" % number for number in range(6)}),
        tmp_path / "out",
    )
    master, painter = Master(), Painter()

    class Killed(BaseException):
        pass

    def stuck(original: bytes, found: Result) -> Encoded:
        if original in (b"0", b"1"):
            return painter(original, found)
        raise Killed

    with pytest.raises(Killed):
        send(master, stuck, folder, out)  # type: ignore[arg-type]
    kept = lines(out)
    assert all((out / name).is_file() for name in kept)
    assert len(kept) < 6
    unanswered = [b"%d" % number for number in range(6) if f"p{number}.jpg" not in kept]
    master.asked.clear()
    tally = send(master, Painter(), folder, out)
    assert sorted(master.asked) == unanswered
    assert (tally.skipped, tally.done) == (len(kept), len(unanswered))
    assert len(lines(out)) == len(list(out.glob("*.jpg"))) == 6


def test_results_run_ahead_of_slow_drawing_only_so_far(tmp_path: Path) -> None:
    folder, out = (
        album(tmp_path / "in", **{f"p{number:02}": b"%d" % number for number in range(40)}),
        tmp_path / "out",
    )
    master, painter = Master(), Painter()
    painter.gate.clear()
    seen: list[int] = []

    def open_later() -> None:
        until_s = time.monotonic() + GATHER_S
        while time.monotonic() < until_s and (len(master.asked) < 7 or len(painter.at_once) < 2):
            time.sleep(0.001)
        time.sleep(0.1)
        seen.append(len(master.asked))
        painter.gate.set()

    watcher = threading.Thread(target=open_later)
    watcher.start()
    tally = send(master, painter, folder, out)
    watcher.join()
    assert tally.done == 40
    assert seen == [7], "four undrawn beside three in flight"


def test_drawing_does_not_take_the_place_of_sending(tmp_path: Path) -> None:
    """With one in flight the next picture is sent while the one before is drawn."""
    folder, out = album(tmp_path / "in", a=b"1", b=b"2"), tmp_path / "out"
    master = Master()

    class Waiting(Painter):
        def __call__(self, original: bytes, found: Result) -> Encoded:
            until_s = time.monotonic() + GATHER_S
            while len(master.asked) < 2 and time.monotonic() < until_s:
                time.sleep(0.001)
            assert len(master.asked) == 2
            return super().__call__(original, found)

    assert send(master, Waiting(), folder, out, in_flight=1).done == 2


def test_no_master_there_ends_it(tmp_path: Path) -> None:
    folder = album(tmp_path / "in", **{f"p{number}": b"away" for number in range(9)})

    def sources() -> Iterator[Source]:
        return plan(read_arguments([folder], tmp_path / "out"))

    with pytest.raises(Unavailable):
        send(Master(), Painter(), folder, tmp_path / "out", sources=sources())
