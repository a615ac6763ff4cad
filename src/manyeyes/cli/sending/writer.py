"""OUT: the predicted pictures in the same tree as the originals, and the record beside them."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

from manyeyes.cli.sending.record import RESULTS_NAME, Record, done_line, error_line, replace_with
from manyeyes.cli.sending.source import Source
from manyeyes.cli.sending.timelines import write_timelines
from manyeyes.errors import FileTrouble, ManyeyesError
from manyeyes.recognition.pictures.formats import BY_MEDIA_TYPE
from manyeyes.sdk.answers import Prediction

_OF_THIS_NAME = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EILSEQ}
"""Errors of this one file name; the next picture may still be written."""


class Writer:
    """Writes answers below OUT. Only one thread may use it at a time.

    Args:
        out: the folder, created if missing; None writes nothing.

    Raises:
        FileTrouble: OUT cannot be created or written to; raised before anything is sent.
    """

    def __init__(self, out: Path | None) -> None:
        self._out = out
        self._record: Record | None = None
        if out is None:
            return
        try:
            out.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=out):
                pass
            self._record = Record(out / RESULTS_NAME)
        except BlockingIOError as error:
            raise FileTrouble(
                f"another 'manyeyes send' is writing to {out}; wait for it, or name another folder with -o"
            ) from error
        except OSError as error:
            raise FileTrouble(
                f"output folder {out} cannot be used: {error.strerror or error}; name another with -o"
            ) from error

    def has(self, source: Source, *, picture: bool) -> bool:
        """Whether an earlier run has done this file, unchanged, with its predicted picture if `picture`."""
        return self._record is not None and self._record.has(source, picture=picture)

    def checked(self, source: Source) -> Source:
        """The source under a name that no other file has in OUT, also none of an earlier run: `photo-2.jpg`.

        It has a `trouble` if its predicted picture would overwrite the original.
        """
        if self._out is None or self._record is None:
            return source
        for name in _numbered(source.relative):
            if self._record.claim(name, source):
                source = replace(source, relative=name)
                break
        if source.trouble is not None:
            return source
        try:
            same = (self._out / source.relative).samefile(source.path)
        except OSError:
            return source
        if not same:
            return source
        return replace(
            source,
            trouble=FileTrouble(f"it would be overwritten in {self._out}; name another output folder"),
        )

    def done(self, source: Source, prediction: Prediction) -> dict[str, Any]:
        """Write one answer: the picture and its line. A file that this command did not write is never replaced.

        Under a new name the line comes first: the file is ours from then on, and a run that is killed in between
        sends the picture again. A file of an earlier run is replaced before the line says that it is up to date.

        Returns:
            the line; the line of a failure if no file can have this name.

        Raises:
            FileTrouble: nothing more can be written to OUT; results so far are kept.
        """
        if self._out is None or prediction.picture is None:
            return self._add(done_line(source, prediction.result, None))
        output = self._free_name(source, output_name(source.relative, prediction.media_type))
        target = self._out / output
        line = done_line(source, prediction.result, output)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                replace_with(target, [prediction.picture])
                self._add(line)
            else:
                replace_with(target, [prediction.picture], before=lambda: self._add(line))
        except OSError as error:
            trouble = self._trouble(target, error)
            if error.errno in _OF_THIS_NAME:
                return self.failed(source, trouble)
            raise trouble from error
        return line

    def failed(self, source: Source, error: ManyeyesError) -> dict[str, Any]:
        """Write the line of one failure.

        Returns:
            the line.

        Raises:
            FileTrouble: nothing more can be written to OUT; results so far are kept.
        """
        return self._add(error_line(source, error))

    def close(self) -> None:
        """Write the timeline of videos and bursts, and tidy the record; every picture then has one line.

        Raises:
            FileTrouble: the record cannot be rewritten; the old one is kept and can still be read.
        """
        if self._record is not None and self._out is not None:
            try:
                try:
                    if self._record.has_times:
                        write_timelines(self._out)
                finally:
                    self._record.close()
            except OSError as error:
                raise self._trouble(self._out / RESULTS_NAME, error) from error

    def _free_name(self, source: Source, wanted: str) -> str:
        """The wanted name, with a number added if another picture's answer or a file of somebody else has it."""
        return next(name for name in _numbered(wanted) if self._is_free(name, source))

    def _is_free(self, name: str, source: Source) -> bool:
        if self._record is None or self._out is None:
            return True
        if not self._record.is_free(name, source):
            return False
        return self._record.owns(name, source) or not _is_file(self._out / name)

    def _add(self, line: dict[str, Any]) -> dict[str, Any]:
        if self._record is not None and self._out is not None:
            try:
                self._record.add(line)
            except OSError as error:
                raise self._trouble(self._out / RESULTS_NAME, error) from error
        return line

    def _trouble(self, path: Path, error: OSError) -> FileTrouble:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return FileTrouble(
                f"the disk of {self._out} is full, {path.name} could not be written; results so far are "
                "kept: free some space and run the same command again"
            )
        return FileTrouble(
            f"{path} cannot be written: {error.strerror or error}; results so far are kept: run the same "
            "command again when that is repaired"
        )


def _numbered(name: str) -> Iterator[str]:
    """The name, then with a number: `a/b.jpg`, `a/b-2.jpg`, `a/b-3.jpg`, without end."""
    yield name
    path = PurePosixPath(name)
    for number in count(2):
        yield str(path.with_name(f"{path.stem}-{number}{path.suffix}"))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # no file can have this name
        return False


def output_name(relative: str, media_type: str | None) -> str:
    """The predicted picture's name below OUT: the original's, with a suffix added when the format differs.

    `holiday.heic` comes back as `holiday.heic.jpg`, so it does not overwrite the answer of a `holiday.jpg` beside it.
    """
    found = BY_MEDIA_TYPE.get(media_type or "")
    if found is None or PurePosixPath(relative).suffix.lower() in found.suffixes:
        return relative
    return relative + found.suffixes[0]
