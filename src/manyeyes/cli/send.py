"""`manyeyes send`: pictures in, predicted pictures out."""

from __future__ import annotations

import asyncio
import math
import re
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from manyeyes.cli.output import context_of, print_json, say, say_error, tell
from manyeyes.cli.sending import width
from manyeyes.cli.sending.batch import Drawer, Tally, run_batch
from manyeyes.cli.sending.choice import Choice, PassedOver
from manyeyes.cli.sending.looking import telling_search
from manyeyes.cli.sending.plan import (
    DEFAULT_OUT,
    Arguments,
    check_all_exist,
    check_out,
    count,
    plan,
    read_arguments,
)
from manyeyes.cli.sending.progress import Bar, Json, Plain, View
from manyeyes.cli.sending.refresh import drawn_from_original, names_changed, renew_names
from manyeyes.cli.sending.report import faults_text, nothing_found, print_report, print_timelines, summary
from manyeyes.cli.sending.videos import StillReader, check_videos
from manyeyes.cli.sending.waiting import WaitingClient
from manyeyes.cli.sending.writer import Writer
from manyeyes.errors import BadRequest, ManyeyesError
from manyeyes.sdk.blocking import Client
from manyeyes.sdk.client import AsyncClient
from manyeyes.sdk.context import Context
from manyeyes.sdk.patience import Patience
from manyeyes.video.times import DEFAULT_EVERY_S, Times, read_time

EXIT_SOME_FAILED = 3


RefreshOption = Annotated[
    bool,
    typer.Option(
        "--refresh",
        help="Send nothing: renew the names in OUT after people were renamed, merged or removed.",
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN",
        show_default=False,
        help="Leave out files and folders of such names, as '*-edited*'; with a /, of such paths. Can be repeated.",
    ),
]
AllOption = Annotated[
    bool,
    typer.Option("--all", help="Of folders, send hidden files and other programs' thumbnails, too."),
]


EveryOption = Annotated[
    float,
    typer.Option(metavar="SECONDS", help="Of videos: take a still every so many seconds."),
]
FromOption = Annotated[
    str,
    typer.Option("--from", metavar="TIME", help="Of videos: begin there; seconds, or as in 1:30 or 1:02:03."),
]
ToOption = Annotated[
    str,
    typer.Option(
        "--to", metavar="TIME", show_default=False, help="Of videos: end there; the end by default."
    ),
]


class Draw(StrEnum):
    """Who makes the predicted pictures."""

    HERE = "here"
    THERE = "there"
    NONE = "none"


@dataclass
class _Job:
    """What to send, and where the answers go."""

    arguments: Arguments
    draw: Draw
    again: bool
    in_flight: int | None
    patience_s: float
    passed: PassedOver = field(default_factory=PassedOver)

    @property
    def out(self) -> Path | None:
        """The folder for the answers; None: nothing is written."""
        return self.arguments.out


def _path(text: str | Path) -> Path:
    if re.match("[a-z]{2,}://", str(text)):
        raise BadRequest(
            f"{text} is an address on the web, not a file; download the picture first, and send its file"
        )
    return Path(text)


PicturesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="PICTURE|VIDEO|FOLDER...", parser=_path, help="Pictures, videos, and folders of them."
    ),
]


OutOption = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--out",
        metavar="OUT",
        parser=Path,
        show_default=False,
        help=f"Folder for the predicted pictures; {DEFAULT_OUT} in the current folder by default.",
    ),
]


def send(
    ctx: typer.Context,
    pictures: PicturesArgument,
    out: OutOption = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print each result as a line of JSON; without -o, write no files."),
    ] = False,
    draw: Annotated[
        Draw,
        typer.Option(
            help="there: a node draws the boxes. here: this machine draws them, and only the results travel. "
            "none: results without pictures."
        ),
    ] = Draw.THERE,
    again: Annotated[
        bool, typer.Option("--again", help="Send pictures again that an earlier run has done.")
    ] = False,
    refresh: RefreshOption = False,
    every: EveryOption = DEFAULT_EVERY_S,
    start: FromOption = "0",
    end: ToOption = "",
    exclude: ExcludeOption = None,
    everything: AllOption = False,
    in_flight: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=width.MOST,
            show_default=False,
            help="How many pictures are sent at once; by default three for each worker.",
        ),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to keep trying for one picture.")
    ] = 120.0,
) -> None:
    """Send pictures and whole folders. Print who is on them, and write copies with boxes and names.

    JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF and HEIC are accepted; the content decides, not the name.
    Of a folder, what is no picture is passed over, and so are hidden files, other programs' thumbnails (@eaDir,
    .thumbnails) and folders with the results of an earlier send. A line at the end says how many.

    Of a video, stills are sent, one every 2 seconds; this needs manyeyes[video]. A table says who is seen from when to
    when, in each video and in each burst of pictures; OUT/timeline.json has all of it.

    The predicted pictures keep their names and folders below OUT. Where the format changes, a second suffix
    is added: a.heic.jpg. OUT/results.jsonl has a line for each picture. No other file is overwritten.

    If it is stopped, run the same command again: it sends what is missing. If people were renamed, merged or removed
    since, --refresh gives the results in OUT the names of today, and draws the predicted pictures anew.
    While no node is ready, the pictures wait, and a line says so.

    On a slow line use --draw here: the predicted pictures are made on this machine.

    Exit codes: 0 all done; 3 some pictures failed; 10 a path does not exist, nothing was sent;
    11 no pictures found; 2 OUT or an option cannot be used; 5 the API key is refused; 6 no master answers;
    130 stopped by Ctrl-C.

    Example: manyeyes send photo.jpg
    Example: manyeyes send holiday/ -o holiday-named
    Example: manyeyes send film.mp4 --every 1 --from 1:30 --to 5:00
    """
    check_all_exist(pictures)
    by_path = None
    if out is None and as_json and draw is Draw.HERE:
        raise BadRequest("--draw here has no folder to draw into; add -o OUT")
    if out is None and not as_json:
        out, by_path = DEFAULT_OUT, Path.cwd()
    choice = Choice(tuple(exclude or ()), everything)
    times = Times(every, read_time(start), read_time(end) if end else math.inf)
    arguments = read_arguments(pictures, out, by_path=by_path, choice=choice, times=times)
    check_out(arguments)
    context = context_of(ctx)
    if refresh and again:
        raise BadRequest("--refresh sends no picture, and --again sends all; leave one of both out")
    if refresh:
        _refresh(context, out, as_json)
        return
    check_videos([argument.path for argument in arguments.each])
    _check_any(pictures, arguments)
    _run(context, _Job(arguments, draw, again, in_flight, patience), as_json)


def _check_any(pictures: Sequence[Path], arguments: Arguments) -> None:
    """Find a mistake in the arguments before a record is made.

    Raises:
        NoPicturesFound: there is nothing to send; the message says what was passed over.
    """
    passed = PassedOver()
    with telling_search(passed, lambda: False, say):
        is_any = any(True for _ in plan(arguments, passed))
    if not is_any:
        raise nothing_found(pictures, passed)


def _run(context: Context, job: _Job, as_json: bool) -> None:
    writer = Writer(job.out)
    tally = Tally()
    began_s = time.monotonic()
    view: View = Json() if as_json else Bar(tally) if sys.stderr.isatty() else Plain(tally)
    stop: ManyeyesError | None = None
    try:
        with view:
            asyncio.run(_send(context, job, writer, tally, view))
    except ManyeyesError as error:
        stop = error
    except KeyboardInterrupt:
        say(f"stopped; the same command continues from here: {summary(tally, time.monotonic() - began_s)}")
        raise
    finally:
        try:
            writer.close()
        except ManyeyesError as error:
            stop = stop or error
    if as_json:
        say(summary(tally, time.monotonic() - began_s))
        if tally.faulty:
            say(faults_text(tally))
    elif job.out is not None and (stop is None or tally.done or tally.failed):
        print_report(tally, time.monotonic() - began_s, job.out)
    if passed := job.passed.sentence():
        say(passed)
    if stop is None and tally.skipped and job.out is not None:
        with Client(context) as client:
            if told := names_changed(job.out, client.merges):
                say(told)
    if stop is not None:
        say_error(stop)
        raise typer.Exit(stop.exit_code)
    if tally.failed:
        raise typer.Exit(EXIT_SOME_FAILED)


def _refresh(context: Context, out: Path | None, as_json: bool) -> None:
    if out is None:
        raise BadRequest("--refresh renews the results in a folder; add -o OUT")
    with Client(context) as client, closing(StillReader()) as stills:
        done = renew_names(out, client.merges, partial(drawn_from_original, stills=stills))
    if as_json:
        print_json(vars(done))
        return
    for sentence in done.sentences(out):
        tell(sentence)
    print_timelines(out)


async def _send(context: Context, job: _Job, writer: Writer, tally: Tally, view: View) -> None:
    async with AsyncClient(context, patience=Patience(total_s=job.patience_s)) as client:
        waiting = WaitingClient(client, view.note)
        watch = asyncio.create_task(waiting.watch(), name="watch")
        try:
            with _drawing(job.draw) as drawing, telling_search(job.passed, tally.has_begun, view.note):
                await run_batch(
                    waiting,
                    plan(job.arguments, job.passed),
                    writer,
                    tally,
                    in_flight=job.in_flight or width.FIRST,
                    wider=None if job.in_flight else width.widths(client),
                    pictures=job.out is not None and job.draw is not Draw.NONE,
                    again=job.again,
                    said=view.said,
                    drawing=drawing,
                    alongside=None
                    if isinstance(view, Json)
                    else lambda over: view.total(count(job.arguments, over)),
                )
        finally:
            watch.cancel()


def _drawing(draw: Draw) -> AbstractContextManager[Drawer | None]:
    if draw is not Draw.HERE:
        return nullcontext()
    from manyeyes.cli.sending.drawing import Drawing  # imports OpenCV, which loads slowly

    return Drawing()
