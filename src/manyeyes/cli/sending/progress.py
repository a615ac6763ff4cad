"""What a person or a program sees while `manyeyes send` runs."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn

from manyeyes.cli.output import print_json_line, say
from manyeyes.cli.sending.batch import Tally
from manyeyes.plain_text import harmless

_PLAIN_EVERY_S = 5.0


class View(Protocol):
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


class Json(_Quiet):
    """Prints each line as soon as it is known."""

    def said(self, line: dict[str, Any] | None) -> None:
        if line is not None:
            print_json_line(line)


class Plain(_Quiet):
    """Prints a progress line every few seconds, if standard error is not a terminal."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._total: int | None = None
        self._spoke_s = time.monotonic()

    def total(self, pictures: int) -> None:
        self._total = pictures

    def said(self, line: dict[str, Any] | None) -> None:
        now_s = time.monotonic()
        if now_s - self._spoke_s < _PLAIN_EVERY_S:
            return
        self._spoke_s = now_s
        here = self._tally.done + self._tally.failed
        rate = self._tally.rate(now_s)
        text = f"{here + self._tally.skipped}"
        if self._total is not None:
            text += f" of {self._total}"
        text += f" pictures, {rate:.1f} a second, {self._tally.failed} failed"
        if self._total is not None and rate > 0:
            left = max(0, self._total - self._tally.skipped - here)
            text += f", {left / rate:.0f} s left"
        say(text)


class Bar(_Quiet):
    """A progress bar with rate and time left, which goes when the work is done."""

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
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, rate="", failures="")

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
        self._progress.console.print(harmless(sentence), markup=False, highlight=False)

    def said(self, line: dict[str, Any] | None) -> None:
        self._show()

    def _show(self) -> None:
        """Update the bar. Pictures of earlier runs are left out of both numbers: they would make the rate too high."""
        here = self._tally.done + self._tally.failed
        rate = self._tally.rate(time.monotonic())
        self._progress.update(
            self._task,
            completed=here,
            total=None if self._total is None else max(here, self._total - self._tally.skipped),
            rate=f"{rate:.1f}/s" if rate else "",
            failures=f"[red]{self._tally.failed} failed" if self._tally.failed else "",
        )
