"""`manyeyes send`: pictures in, predicted pictures out."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Protocol, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn

from manyeyes.cli.output import context_of, print_table, say, say_error
from manyeyes.cli.sending import width
from manyeyes.cli.sending.batch import Drawer, Tally, run_batch
from manyeyes.cli.sending.plan import RESULTS_NAME, count, plan
from manyeyes.cli.sending.waiting import WaitingClient
from manyeyes.cli.sending.writer import Writer
from manyeyes.errors import BadRequest, ManyeyesError
from manyeyes.sdk.client import AsyncClient
from manyeyes.sdk.context import Context
from manyeyes.sdk.patience import Patience

EXIT_SOME_FAILED = 3
_PLAIN_EVERY_S = 5.0


class Draw(StrEnum):
    """Who makes the predicted pictures."""

    HERE = "here"
    THERE = "there"
    NONE = "none"


def send(
    ctx: typer.Context,
    pictures: Annotated[
        list[Path],
        typer.Argument(
            metavar="PICTURE|FOLDER...", readable=False, help="Pictures, and folders of pictures."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="OUT", readable=False, help="Folder for the predicted pictures."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each result as a line of JSON; then -o is optional.")
    ] = False,
    draw: Annotated[
        Draw,
        typer.Option(
            help="Who draws the boxes: a node (there), or this machine (here), which gets the results only: "
            "small answers, the same pictures. none: results without pictures."
        ),
    ] = Draw.THERE,
    in_flight: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=width.MOST,
            show_default=False,
            help="Pictures in flight at once; by default three for each worker of the fleet, also when it grows.",
        ),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=0, metavar="S", help="Seconds to keep trying for one picture.")
    ] = 120.0,
) -> None:
    """Send pictures and whole folders; get them back with boxes and names on the faces.

    JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF and HEIC are accepted, by content. The predicted pictures keep
    their names and folders below OUT, with one more suffix where the format changes (a.heic.jpg);
    OUT/results.jsonl has one line for each. If it is stopped, run the same command again: it continues where it stopped.

    On a slow line use --draw here: only the originals are sent, the predicted pictures need not come back.

    While no node is ready the pictures wait, and a line says so; Ctrl-C ends it.

    Exit codes: 0 all well; 3 some pictures failed; 2 a folder of yours cannot be used; 5 the key does
    not serve; 6 no master answers; 130 stopped by Ctrl-C.

    Example: manyeyes send holiday/ -o holiday-named
    """
    if out is None and not as_json:
        raise BadRequest("no output folder given; add -o OUT, or --json for results without pictures")
    if out is None and draw is Draw.HERE:
        raise BadRequest("--draw here has no folder to draw into; add -o OUT")
    if out is not None and any(folder.resolve() == out.resolve() for folder in pictures):
        raise BadRequest(f"output folder {out} is one of the inputs; name another")
    context = context_of(ctx)
    writer = Writer(out)
    tally = Tally()
    began_s = time.monotonic()
    view: _View = _Json() if as_json else _Bar(tally) if sys.stderr.isatty() else _Plain(tally)
    stop: ManyeyesError | None = None
    try:
        with view:
            asyncio.run(_send(context, pictures, out, draw, writer, tally, view, in_flight, patience))
    except ManyeyesError as error:
        stop = error
    except KeyboardInterrupt:
        say(f"stopped; the same command continues from here: {_summary(tally, time.monotonic() - began_s)}")
        raise
    finally:
        try:
            writer.close()
        except ManyeyesError as error:
            stop = stop or error
    if not as_json:
        _report(tally, time.monotonic() - began_s, out)
    else:
        say(_summary(tally, time.monotonic() - began_s))
    if stop is not None:
        say_error(stop)
        raise typer.Exit(stop.exit_code)
    if tally.failed:
        raise typer.Exit(EXIT_SOME_FAILED)


async def _send(
    context: Context,
    inputs: Sequence[Path],
    out: Path | None,
    draw: Draw,
    writer: Writer,
    tally: Tally,
    view: _View,
    in_flight: int | None,
    patience_s: float,
) -> None:
    async with AsyncClient(context, patience=Patience(total_s=patience_s)) as client:
        waiting = WaitingClient(client, view.note)
        watch = asyncio.create_task(waiting.watch(), name="watch")
        try:
            with _drawing(draw) as drawing:
                await run_batch(
                    waiting,
                    plan(inputs, out),
                    writer,
                    tally,
                    in_flight=in_flight or width.FIRST,
                    wider=None if in_flight else width.widths(client),
                    pictures=out is not None and draw is not Draw.NONE,
                    said=view.said,
                    drawing=drawing,
                    alongside=lambda over: view.total(count(inputs, out, over)),
                )
        finally:
            watch.cancel()


def _drawing(draw: Draw) -> AbstractContextManager[Drawer | None]:
    if draw is not Draw.HERE:
        return nullcontext()
    from manyeyes.cli.sending.drawing import Drawing  # imports OpenCV, which loads slowly

    return Drawing()


class _View(Protocol):
    """What a person or a program sees while pictures are in flight."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def total(self, pictures: int) -> None: ...
    def said(self, line: dict[str, Any] | None) -> None: ...
    def note(self, sentence: str) -> None: ...


class _Quiet:
    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def total(self, pictures: int) -> None:
        pass

    def said(self, line: dict[str, Any] | None) -> None:
        pass

    def note(self, sentence: str) -> None:
        say(sentence)


class _Json(_Quiet):
    """Prints each line as soon as it is known."""

    def said(self, line: dict[str, Any] | None) -> None:
        if line is not None:
            print(json.dumps(line), flush=True)


class _Plain(_Quiet):
    """Prints a progress line every few seconds, if standard error is not a terminal."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._total: int | None = None
        self._began_s = self._spoke_s = time.monotonic()

    def total(self, pictures: int) -> None:
        self._total = pictures

    def said(self, line: dict[str, Any] | None) -> None:
        now_s = time.monotonic()
        if now_s - self._spoke_s < _PLAIN_EVERY_S:
            return
        self._spoke_s = now_s
        here = self._tally.done + self._tally.failed
        rate = here / (now_s - self._began_s)
        text = f"{here + self._tally.skipped}"
        if self._total is not None:
            text += f" of {self._total}"
        text += f" pictures, {rate:.1f} a second, {self._tally.failed} failed"
        if self._total is not None and rate > 0:
            left = max(0, self._total - self._tally.skipped - here)
            text += f", {left / rate:.0f} s left"
        say(text)


class _Bar(_Quiet):
    """A progress bar with rate and time left."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._total: int | None = None
        self._progress = Progress(
            TextColumn("pictures"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(show_speed=True),
            TextColumn("{task.fields[rate]}"),
            TimeLeftColumn(),
            TextColumn("{task.fields[failures]}"),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task("", total=None, rate="", failures="")
        self._began_s = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def total(self, pictures: int) -> None:
        self._total = pictures
        self._show()

    def note(self, sentence: str) -> None:
        self._progress.console.print(sentence, markup=False)

    def said(self, line: dict[str, Any] | None) -> None:
        self._show()

    def _show(self) -> None:
        """Update the bar. Pictures of earlier runs are left out of both numbers: they would make the rate too high."""
        here = self._tally.done + self._tally.failed
        elapsed_s = time.monotonic() - self._began_s
        self._progress.update(
            self._task,
            completed=here,
            total=None if self._total is None else max(here, self._total - self._tally.skipped),
            rate=f"{here / elapsed_s:.1f}/s" if here and elapsed_s > 0 else "",
            failures=f"[red]{self._tally.failed} failed" if self._tally.failed else "",
        )


def _report(tally: Tally, seconds: float, out: Path | None) -> None:
    if tally.failed:
        print_table(("failed", "why", "trace"), tally.first_failures, "")
        unlisted = tally.failed - len(tally.first_failures)
        if unlisted > 0:
            print(f"and {unlisted} more, see {RESULTS_NAME} in {out}")
    print(_summary(tally, seconds))


def _summary(tally: Tally, seconds: float) -> str:
    here = tally.done + tally.failed
    rate = here / seconds if seconds > 0 else 0.0
    pictures = "1 picture" if here == 1 else f"{here} pictures"
    faces = "1 face" if tally.faces == 1 else f"{tally.faces} faces"
    before = f", {tally.skipped} done before" if tally.skipped else ""
    return (
        f"{pictures}{before}, {faces}, {tally.named} named, {tally.failed} failed, "
        f"{seconds:.1f} s, {rate:.1f} pictures a second"
    )
