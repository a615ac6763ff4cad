"""Files of the user's machine: what would wait for ever or never end is refused, everywhere that a person names a file."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from manyeyes.cli.enrolling.plan import read_folder
from manyeyes.cli.people_checks import _read
from manyeyes.errors import ManyeyesError
from manyeyes.local_files import read_text, read_whole
from manyeyes.node.membership.token_file import read_token
from manyeyes.own_certificate import load
from manyeyes.packs.onnx_check import read_model
from manyeyes.recognition.pictures.first_bytes import format_of
from manyeyes.sdk.context import find_context, load_context
from manyeyes.sdk.pictures import content_of


@pytest.fixture(autouse=True)
def soon() -> Iterator[None]:
    """What waits for ever fails after some seconds."""
    signal.alarm(20)
    yield
    signal.alarm(0)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A pipe that nobody writes to."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


READERS: list[Callable[[Path], Any]] = [
    lambda path: asyncio.run(content_of(path)),
    load_context,
    lambda path: find_context(environ={"MANYEYES_CONTEXT": str(path)}),
    lambda path: find_context(environ={"MANYEYES_CA": str(path)}),
    lambda path: load(path, path, datetime.now(UTC)),
    lambda path: _read(str(path)),
    read_model,
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(("which", "kind"), [("pipe", "a pipe"), ("/dev/zero", "a device")])
def test_what_never_ends_is_refused(read: Callable[[Path], Any], which: str, kind: str, pipe: Path) -> None:
    with pytest.raises(ManyeyesError, match=f"it is {kind}, and must be a regular file"):
        read(pipe if which == "pipe" else Path(which))


def test_a_token_file_that_is_a_pipe_is_waited_for_as_a_missing_one(pipe: Path) -> None:
    assert read_token(pipe) == "it is a pipe, and must be a regular file"


def test_more_bytes_than_allowed_are_not_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge"
    huge.touch()
    os.truncate(huge, 2**40)
    with pytest.raises(OSError, match="it has more than 1 MB"):
        read_text(huge)
    (tmp_path / "fits").write_bytes(b"1234")
    assert read_whole(tmp_path / "fits", 4) == b"1234"


def test_a_file_of_the_system_that_has_nothing_yet_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As /proc/kmsg: a regular file whose content comes later. Here a pipe with a writer, of which that is said."""
    album = tmp_path / "album" / "Ann"
    album.mkdir(parents=True)
    (album / "log.jpg").write_bytes(b"")
    reads, writes = os.pipe()
    monkeypatch.setattr("manyeyes.local_files.open_regular", lambda path: _nonblocking(reads))
    monkeypatch.setattr(
        "manyeyes.recognition.pictures.first_bytes.open_regular", lambda path: _nonblocking(reads)
    )
    with pytest.raises(BlockingIOError):
        format_of(album / "log.jpg")
    with pytest.raises(OSError, match="it has no content to read now"):
        read_whole(album / "log.jpg", 9)
    assert [one.kind for one in read_folder(tmp_path / "album").noticed] == ["unreadable", "empty"]
    os.close(reads)
    os.close(writes)


def _nonblocking(descriptor: int) -> int:
    copy = os.dup(descriptor)
    os.set_blocking(copy, False)
    return copy
