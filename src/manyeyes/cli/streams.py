"""Standard input, output and error of a command, whatever they are: closed, full, a broken pipe, or not UTF-8."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress

from manyeyes.errors import FileTrouble

_MOST_DIGITS = 5
EXIT_READER_GONE = 141
"""As of a program that SIGPIPE ended."""


class ReaderGone(Exception):
    """Who read standard output has gone, as `head` does."""


class StandardOutput(io.TextIOWrapper):
    """Standard output. A write that fails raises once; what comes after it goes nowhere, also at the process's end.

    Raises:
        ReaderGone: it is a pipe that nobody reads any more.
        FileTrouble: it cannot be written for another reason, as a full disk.
    """

    was_closed = False
    """Whether it was closed when the process started, and leads nowhere."""

    def write(self, text: str) -> int:
        """Write as every stream does."""
        try:
            return super().write(text)
        except OSError as error:
            raise self._lost(error) from error

    def flush(self) -> None:
        """Flush as every stream does."""
        try:
            super().flush()
        except OSError as error:
            raise self._lost(error) from error

    def _lost(self, error: OSError) -> Exception:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        if error.errno == errno.EPIPE:
            return ReaderGone()
        return FileTrouble(
            f"standard output cannot be written: {error.strerror or error}; what the command has changed stays changed"
        )


class StandardError(io.TextIOWrapper):
    """Standard error. What cannot be written is lost, and no work ends for it: there is no place to say so."""

    def write(self, text: str) -> int:
        """Write as every stream does, and never fail."""
        try:
            return super().write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        """Flush as every stream does, and never fail."""
        with suppress(OSError):
            super().flush()


def prepare() -> None:
    r"""Make the streams of this process fit for any text; once, before anything else.

    What an output's encoding lacks is written as an escape, as `\u2026`. A closed stream is one that leads nowhere: else the
    next file that is opened would get its number, and the output of libraries.
    """
    # a number that no terminal has is none: rich would make lines as long as that
    for name in ("COLUMNS", "LINES"):
        if not 0 < len(os.environ.get(name, "0")) < _MOST_DIGITS:
            del os.environ[name]
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    elif sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  for as long as the process
    own = sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__
    sys.stdout = _kept(StandardOutput, sys.stdout, sys.__stdout__, 1)
    sys.stderr = _kept(StandardError, sys.stderr, sys.__stderr__, 2)
    if own[0]:  # shutil.get_terminal_size asks this one
        sys.__stdout__ = sys.stdout  # type: ignore[misc]
    if own[1]:
        sys.__stderr__ = sys.stderr  # type: ignore[misc]


def has_folder() -> bool:
    """Whether the folder that this process works in is still there."""
    try:
        os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return False
    return True


def _kept(kind: type[io.TextIOWrapper], stream: object, first: object, number: int) -> io.TextIOWrapper:
    """The stream as one of this kind; one that was put in the place of the process's own stays, as in tests."""
    if stream is None:
        nowhere = kind(open(number, "wb", closefd=False), encoding="utf-8")  # noqa: SIM115  for as long as the process
        if isinstance(nowhere, StandardOutput):
            nowhere.was_closed = True
        return nowhere
    if not isinstance(stream, io.TextIOWrapper) or stream is not first or isinstance(stream, kind):
        return stream  # type: ignore[return-value]
    encoding, lines, at_once = stream.encoding, stream.line_buffering, stream.write_through
    return kind(
        stream.detach(),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=lines,
        write_through=at_once,
    )
