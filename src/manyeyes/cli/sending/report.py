"""What `manyeyes send` prints at its end: who was found, what failed, and where everything is."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from manyeyes.cli.output import print_table, tell
from manyeyes.cli.sending.batch import Tally, says_more
from manyeyes.cli.sending.choice import PassedOver
from manyeyes.cli.sending.found import Found, found_in, sentence
from manyeyes.cli.sending.record import RESULTS_NAME, digest, read_lines
from manyeyes.cli.sending.timelines import TIMELINE_NAME, read_timelines
from manyeyes.errors import FileTrouble, NoPicturesFound
from manyeyes.natural_order import natural
from manyeyes.wording import several

MOST_SENTENCES = 10
"""Up to so many pictures get a sentence each; more are summed up in a table."""
MOST_TIMELINES = 10
"""Videos and bursts with a table each; the file has all."""
_LEAST_FOR_A_RATE = 10


def summary(tally: Tally, seconds: float) -> str:
    """What this run did, in one line."""
    here = tally.done + tally.failed
    if not here and tally.skipped:
        return (
            "done already, nothing was sent; --again sends it again, for people who were added since"
            if tally.skipped == 1
            else f"all {tally.skipped} done already, nothing was sent; --again sends them again, for people who were added since"
        )
    pictures, faces = several(here, "picture"), several(tally.faces, "face")
    before = f", {tally.skipped} done before" if tally.skipped else ""
    rate = tally.rate(time.monotonic())
    told = f", {rate:.1f} pictures a second" if here >= _LEAST_FOR_A_RATE and rate else ""
    return f"{pictures}{before}, {faces}, {tally.named} named, {tally.failed} failed, {seconds:.1f} s{told}"


def faults_text(tally: Tally) -> str:
    """How many pictures have a fault that does no harm; empty if none has."""
    if not tally.faulty:
        return ""
    files, their = ("1 file has", "its") if tally.faulty == 1 else (f"{tally.faulty} files have", "their")
    return f"{files} faults that do no harm to {their} pixels; 'warnings' in {RESULTS_NAME} says which"


def nothing_found(inputs: Sequence[Path], passed: PassedOver) -> NoPicturesFound:
    """The error where the arguments have no picture at all, with what was passed over."""
    names = ", ".join(map(str, dict.fromkeys(inputs)))
    why = f"; {passed.sentence()}" if passed.sentence() else ""
    own = "; name files in it to send them" if passed.own_output else ""
    return NoPicturesFound(
        f"no pictures found in {names}; JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC are sent{why}{own}"
    )


def print_report(tally: Tally, seconds: float, out: Path) -> None:
    """Print what a person wants to know at the end, on standard output."""
    total = len(tally.seen)
    found = found_in(_lines_of(tally, out))
    if total <= MOST_SENTENCES:
        each = [(tally.paths[digest(line["file"])], line) for line in _lines_of(tally, out)]
        for path, line in sorted(each, key=lambda one: natural(one[0])):
            tell(picture_sentence(path, line))
    elif tally.failed:
        print_table(("failed", "why"), tally.first_failures, "", text=("why",), below="why")
        unlisted = tally.failed - len(tally.first_failures)
        if unlisted > 0:
            tell(f"and {unlisted} more, see {out / RESULTS_NAME}")
        if tally.in_service:
            tell(
                f"what happened to {several(tally.in_service, 'picture')} on the way: 'manyeyes logs --trace ID', "
                f"with the trace_id of {out / RESULTS_NAME}"
            )
    if total > 1 and found.pictures:
        print_table(("person", "faces", "pictures"), found.rows(), "")
    print_timelines(out, tally.seen)
    if total > 1 or tally.skipped:
        tell(summary(tally, seconds))
    if tally.faulty:
        tell(faults_text(tally))
    for text in places(found, out, total, _viewer()):
        tell(text)


def print_timelines(out: Path, seen: Collection[bytes] | None = None) -> None:
    """Print a table for each video and each burst: who is seen from when to when.

    Args:
        seen: the digests of the names of the pictures that it is about; None: all in OUT.
    """
    try:
        videos, bursts = read_timelines(
            line for line in read_lines(out / RESULTS_NAME) if seen is None or digest(line["file"]) in seen
        )
    except OSError as error:
        raise _unread(out, error) from error
    for video in videos[:MOST_TIMELINES]:
        tell(video.sentence())
        print_table(("person", "seen", "stills"), video.rows(), "no face found", text=("seen",))
    for burst in bursts[: max(0, MOST_TIMELINES - len(videos))]:
        tell(burst.sentence())
        print_table(("person", "seen", "pictures"), burst.rows(), "no face found", text=("seen",))
    if (more := len(videos) + len(bursts) - MOST_TIMELINES) > 0:
        tell(
            f"and {several(more, 'more video or burst', 'more videos and bursts')}, see {out / TIMELINE_NAME}"
        )


def picture_sentence(path: str, line: dict[str, Any]) -> str:
    """Who is on one picture, or why it failed."""
    if "error" in line:
        more = f"; 'manyeyes logs --trace {line['trace_id']}' says more" if says_more(line) else ""
        return f"{path}: failed: {line['error']['detail']}{more}"
    return f"{path}: {sentence(line['faces'])}"


def places(found: Found, out: Path, total: int, viewer: str | None) -> list[str]:
    """Where the predicted pictures and the results are, and how to look at one.

    Args:
        viewer: the command that opens a picture on this desktop; None without a desktop.
    """
    if found.example is None:
        return [f"results: {out / RESULTS_NAME}"] if found.pictures else []
    example = out / found.example
    look = f"look at {'it' if total == 1 else 'one'}: {viewer} {shlex.quote(str(example))}"
    if total == 1:
        return [f"predicted picture: {example}", *([look] if viewer else [])]
    return [
        f"predicted pictures: {out}, results: {out / RESULTS_NAME}",
        look if viewer else f"look at one: {example}",
    ]


def _lines_of(tally: Tally, out: Path) -> Iterator[dict[str, Any]]:
    try:
        yield from (line for line in read_lines(out / RESULTS_NAME) if digest(line["file"]) in tally.seen)
    except OSError as error:
        raise _unread(out, error) from error


def _unread(out: Path, error: OSError) -> FileTrouble:
    return FileTrouble(f"{out / RESULTS_NAME} cannot be read: {error.strerror or error}")


def _viewer() -> str | None:
    if sys.platform == "darwin":
        return "open"
    desktop = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return "xdg-open" if desktop and shutil.which("xdg-open") else None
