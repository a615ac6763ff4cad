"""The lines of `results.jsonl`: one per picture, written as soon as it is known, and read by the next run."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any

from manyeyes.cli.sending.source import Source
from manyeyes.errors import ManyeyesError
from manyeyes.results import Result

RESULTS_NAME = "results.jsonl"
_LINES_LOOKED_AT, _MOST_LINE_BYTES = 5, 4 * 1024 * 1024
"""The first line of a record may be broken, by a full disk; a file of this name may be anything."""
_SAME = ""
"""Stands for an output that has the same name as its original, as most have."""


def done_line(source: Source, result: Result, output: str | None) -> dict[str, Any]:
    """The line of a picture that was answered; `output` is the predicted picture's name below OUT, if any."""
    return {
        "file": source.relative,
        "source": source.origin,
        "size": source.size_bytes,
        "mtime_ns": source.mtime_ns,
        **_times(source),
        "output": output,
        "faces": [
            {
                "box": list(face.box_xyxy_px),
                "name": face.name,
                "person_id": face.person_id,
                "distance": face.distance,
                "confidence": face.confidence,
                "threshold": face.threshold,
                "reference": face.reference,
                "too_small": face.too_small.model_dump() if face.too_small else None,
            }
            for face in result.faces
        ],
        "pack": result.pack,
        "provenance": result.provenance.model_dump() if result.provenance else None,
        "warnings": [{"kind": one.kind, "sentence": one.sentence} for one in result.warnings],
        "trace_id": result.trace_id,
    }


def error_line(source: Source, error: ManyeyesError) -> dict[str, Any]:
    """The line of a picture that failed."""
    return {
        "file": source.relative,
        "source": source.origin,
        "size": source.size_bytes,
        "mtime_ns": source.mtime_ns,
        **_times(source),
        "error": {"code": error.code, "detail": error.detail},
        "trace_id": error.trace_id,
    }


def _times(source: Source) -> dict[str, Any]:
    """Of a still, the video's name and when it is shown there; of a picture, when it was taken, if its file says so."""
    if (still := source.still) is not None:
        return {"video": still.video, "time_s": still.time_s, "every_s": still.every_s}
    return {"taken": source.taken.isoformat()} if source.taken else {}


def encode(line: dict[str, Any]) -> bytes:
    """One line of JSON with its line end; a file name that is not Unicode stays readable by `decode`."""
    try:
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(line).encode() + b"\n"


def decode(raw: bytes) -> dict[str, Any] | None:
    """The line, or None if it is not complete and valid."""
    if not raw.endswith(b"\n"):
        return None
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    whole = isinstance(found, dict) and isinstance(found.get("file"), str)
    return found if whole and ("faces" in found or "error" in found) else None


def is_output(folder: Path) -> bool:
    """Whether a folder holds the results, and so the predicted pictures, of an earlier run."""
    path = folder / RESULTS_NAME
    try:
        if not path.is_file():  # opening a FIFO would wait for ever
            return False
        with path.open("rb") as file:
            return any(decode(file.readline(_MOST_LINE_BYTES)) is not None for _ in range(_LINES_LOOKED_AT))
    except OSError:
        return False


def in_output(folder: Path) -> bool:
    """Whether a folder is one with results, or one below it in which that run wrote predicted pictures."""
    if is_output(folder):
        return True
    whole = folder.resolve()
    return any(is_output(above) and _wrote_below(above, whole) for above in whole.parents)


def _wrote_below(out: Path, folder: Path) -> bool:
    below = f"{folder.relative_to(out).as_posix()}/"
    try:
        return any(str(line.get("output")).startswith(below) for line in read_lines(out / RESULTS_NAME))
    except OSError:
        return False


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Each valid line of a record.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        for raw in file:
            line = decode(raw)
            if line is not None:
                yield line


def lock(file: IO[bytes]) -> None:
    """Keep other runs from a record until the file is closed.

    Raises:
        BlockingIOError: another run has it.
    """
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Record:
    """`results.jsonl` of one OUT: what earlier runs did, and what this one adds.

    It is locked while open, so that two runs never mix their lines. It keeps some tens of bytes per
    picture in memory, not the lines.

    Raises:
        OSError: from every method, as the file system raises it; BlockingIOError if another run holds the lock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: dict[bytes, tuple[bytes, str | None]] = {}
        self._renamed: dict[bytes, bytes] = {}
        self._seen: set[bytes] = set()
        self._origins: dict[bytes, bytes] = {}
        self._untidy = False
        self.has_times = False
        """Whether it has stills of videos, or pictures that say when they were taken."""
        if path.exists() and not path.is_file():  # opening a FIFO would wait for ever
            raise OSError(errno.EINVAL, f"{path.name} in it is no regular file")
        self._file = path.open("ab", buffering=0)
        try:
            lock(self._file)
            whole_bytes = self._read()
            if path.stat().st_size > whole_bytes:  # an incomplete line, left by a kill
                self._file.truncate(whole_bytes)
        except BaseException:
            self._file.close()
            raise

    def _read(self) -> int:
        whole_bytes = 0
        with self._path.open("rb") as file:
            for raw in file:
                if raw.endswith(b"\n"):
                    whole_bytes += len(raw)
                line = decode(raw)
                if line is None:
                    self._untidy = True
                else:
                    self._note(line)
        return whole_bytes

    def _note(self, line: dict[str, Any]) -> None:
        key = digest(line["file"])
        self._untidy = self._untidy or key in self._seen
        self.has_times = self.has_times or "time_s" in line or "taken" in line
        self._seen.add(key)
        if isinstance(line.get("source"), str):
            self._origins[key] = digest(line["source"])
        if "faces" in line:
            state = digest(f"{line.get('size')} {line.get('mtime_ns')}")
            output = line.get("output")
            self._done[key] = (state, _SAME if output == line["file"] else output)
            if output and output != line["file"]:
                self._renamed[digest(output)] = key
        else:
            self._done.pop(key, None)

    def claim(self, name: str, source: Source) -> bool:
        """Take a name for this source, unless another file has it: in the record, or by an earlier claim.

        A line of an old record does not say its source: it belongs to the first file with the same name below OUT.
        """
        key, origin = digest(name), digest(source.origin)
        if name != source.relative and key in self._seen and key not in self._origins:
            return False
        return self._origins.setdefault(key, origin) == origin

    def has(self, source: Source, *, picture: bool) -> bool:
        """Whether this file, unchanged, was answered and, if `picture`, its predicted picture exists."""
        found = self._done.get(digest(source.relative))
        if found is None or found[0] != digest(f"{source.size_bytes} {source.mtime_ns}"):
            return False
        if not picture:
            return True
        return found[1] is not None and (self._path.parent / (found[1] or source.relative)).is_file()

    def owns(self, output: str, source: Source) -> bool:
        """Whether this name below OUT is that of an earlier answer for the same picture."""
        found = self._done.get(digest(source.relative))
        return found is not None and found[1] is not None and (found[1] or source.relative) == output

    def is_free(self, output: str, source: Source) -> bool:
        """Whether no other picture's answer has this name below OUT."""
        name, own = digest(output), digest(source.relative)
        by_own_name = name != own and name in self._done and self._done[name][1] == _SAME
        return not by_own_name and self._renamed.get(name, own) == own

    def add(self, line: dict[str, Any]) -> None:
        """Append one line and pass it to the operating system."""
        raw = encode(line)
        size_bytes = os.fstat(self._file.fileno()).st_size
        try:
            written = self._file.write(raw)
            while written < len(raw):
                written += self._file.write(raw[written:])
        except OSError:
            self._file.truncate(size_bytes)  # disk full: remove the incomplete line
            raise
        self._note(line)

    def close(self) -> None:
        """Close the file. If needed, first rewrite it atomically with one line per picture, the last one."""
        try:
            if self._untidy and not self._file.closed:
                self._tidy()
                self._untidy = False
        finally:
            self._file.close()  # releases the lock

    def _tidy(self) -> None:
        last: dict[bytes, int] = {}
        with self._path.open("rb") as file:
            for number, raw in enumerate(file):
                line = decode(raw)
                if line is not None:
                    last[digest(line["file"])] = number
        keep = set(last.values())
        with self._path.open("rb") as file:
            replace_with(self._path, (raw for number, raw in enumerate(file) if number in keep))


def replace_with(path: Path, chunks: Iterable[bytes], before: Callable[[], object] | None = None) -> None:
    """Write a file atomically: to a temporary file beside it, which then replaces it, or is deleted on failure.

    `before` is called when all is written and nothing is replaced yet.

    After a kill the temporary file stays; the next try uses the same name and overwrites it. Only the run that
    holds the record's lock writes below OUT.
    """
    temporary = path.with_name(f".manyeyes-{digest(path.name).hex()}")
    try:
        with temporary.open("wb") as file:
            file.writelines(chunks)
        if before is not None:
            before()
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def digest(text: str) -> bytes:
    """A short stand-in for a name: tens of bytes for each picture stay in memory, not its name."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
