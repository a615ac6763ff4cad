"""A folder that files are moved into and out of, and never past: the exchange folder of a node, or where
`nodes get` puts what it fetched.

Names are relative, with slashes. Every folder on the way is opened by its own name without following links,
so that no link made in between leads out. A file arrives beside the folder, under the SHA-256 that it is to
have, and is moved to its place when it is whole and verified: a cut at any point leaves the old file or the new.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manyeyes.broker.transfer import DEFLATE, expand, squeeze
from manyeyes.contract import CHUNK_BYTES, FileFact, FileOrder, FileReply
from manyeyes.errors import FileTrouble, Unavailable

LIST_PAGE = 1000
LIST_PAGE_BYTES = 512 * 1024
"""The most bytes of a page in one message: the engine takes no message of more than a mebibyte."""
MAX_DEPTH = 50
KEPT_FREE_BYTES = 256 * 1024 * 1024
"""Of the disk, whatever is put."""
PARTS_KEPT_S = 7 * 86_400
_SAMPLE_BYTES = 16 * 1024
_WORTH_IT = 0.9


def deflate(chunk: bytes) -> tuple[bytes, bool]:
    """(bytes to send, whether they are deflated): deflated if that saves a tenth or more."""
    sample = chunk[:_SAMPLE_BYTES]
    if len(squeeze(sample)) > _WORTH_IT * len(sample):
        return chunk, False
    packed = squeeze(chunk)
    return (packed, True) if len(packed) <= _WORTH_IT * len(chunk) else (chunk, False)


def inflate(data: bytes, zipped: bool) -> bytes:
    """The chunk that `deflate` was given.

    Raises:
        FileTrouble: damaged, or larger than a chunk may be.
    """
    try:
        return expand(data, DEFLATE if zipped else "")
    except Unavailable as error:
        raise FileTrouble(f"{error.detail}; move the file again") from error


def parts_of(name: str) -> tuple[str, ...]:
    """The folders and the file of a relative name; none for `.`, the folder itself.

    Raises:
        FileTrouble: absolute, with `..`, or no name at all.
    """
    if name == ".":
        return ()
    parts = tuple(name.split("/"))
    if not name or "\0" in name or len(parts) > MAX_DEPTH or any(part in ("", ".", "..") for part in parts):
        raise FileTrouble(
            f"{name!r} is refused: names are relative to the exchange folder, without '..' or empty parts, "
            f"at most {MAX_DEPTH} deep"
        )
    return parts


class Room:
    """The folder. Safe for several threads.

    Args:
        root: created if missing.
        incoming: where files arrive; on the same file system, outside of `root` or hidden in it.
    """

    def __init__(self, root: Path, incoming: Path) -> None:
        self._root = root
        self._incoming = incoming
        self._lock = threading.Lock()

    def open(self) -> None:
        """Make the folders, and forget what began to arrive and was given up."""
        for folder in (self._root, self._incoming):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in self._incoming.iterdir():
            if time.time() - part.stat().st_mtime > PARTS_KEPT_S:
                part.unlink()

    def step(self, order: FileOrder, data: bytes) -> tuple[FileReply, bytes]:
        """Carry out one step.

        Raises:
            FileTrouble: the name is refused, or the system refused.
        """
        try:
            match order.kind:
                case "list":
                    return self.list(order.name, order.offset), b""
                case "digest":
                    return self.digest(order.name), b""
                case "read":
                    return self.read(order.name, order.offset, order.size_bytes)
                case "put":
                    return self.put(order, inflate(data, order.zipped)), b""
        except OSError as error:
            raise FileTrouble(f"{order.name}: {error.strerror}") from error

    def list(self, name: str, offset: int) -> FileReply:
        """The regular files at or below a name, in order, a page from the `offset`-th on."""
        parts = parts_of(name)
        found = sorted(self._below(parts), key=lambda fact: fact.name)
        page = found[offset : offset + LIST_PAGE]
        while len(page) > 1 and sum(len(fact.wire()) for fact in page) > LIST_PAGE_BYTES:
            page = page[: len(page) // 2]
        return FileReply(files=tuple(page), more=offset + len(page) < len(found))

    def _below(self, parts: tuple[str, ...]) -> Iterator[FileFact]:
        if parts:
            with self._folder(parts[:-1]) as folder:
                about = self._stat(parts, folder)
            if stat.S_ISREG(about.st_mode):
                yield FileFact(name="/".join(parts), size_bytes=about.st_size)
                return
        if len(parts) > MAX_DEPTH:
            raise FileTrouble(f"{'/'.join(parts[:3])}/... is more than {MAX_DEPTH} folders deep")
        with self._folder(parts) as folder:
            names = os.listdir(folder)  # noqa: PTH208  of a descriptor
        for inner in names:
            if self._hidden(parts, inner):
                continue
            yield from self._below((*parts, inner))

    def _hidden(self, parts: tuple[str, ...], inner: str) -> bool:
        return not parts and self._root / inner == self._incoming

    def _stat(self, parts: tuple[str, ...], folder: int) -> os.stat_result:
        try:
            about = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError as error:
            raise FileTrouble(f"there is no {'/'.join(parts)!r}") from error
        if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):
            kind = "a link" if stat.S_ISLNK(about.st_mode) else "no regular file"
            raise FileTrouble(f"{'/'.join(parts)!r} is {kind} and is refused; name what is beside it")
        return about

    def digest(self, name: str) -> FileReply:
        """Size and SHA-256 of a file."""
        with self._file(parts_of(name)) as file:
            about = os.fstat(file)
            return FileReply(
                size_bytes=about.st_size, sha256=_digest(file), executable=bool(about.st_mode & 0o100)
            )

    def read(self, name: str, offset: int, most: int = 0) -> tuple[FileReply, bytes]:
        """The chunk at `offset`, at most `most` bytes where given, deflated if that helps; `done` with the last."""
        with self._file(parts_of(name)) as file:
            size = os.fstat(file).st_size
            chunk = os.pread(file, min(most or CHUNK_BYTES, CHUNK_BYTES), offset)
        received = offset + len(chunk)
        data, zipped = deflate(chunk)
        return FileReply(size_bytes=size, received=received, zipped=zipped, done=received >= size), data

    def put(self, order: FileOrder, chunk: bytes) -> FileReply:
        """Take the chunk that belongs at `order.offset`; the reply says where the next one belongs.

        Raises:
            FileTrouble: no room on the disk, or the whole has another digest; then all of it is wanted anew.
        """
        parts = parts_of(order.name)
        if not parts or len(order.sha256) != 64 or not order.sha256.isalnum():
            raise FileTrouble(f"{order.name!r} is not a name for a file")
        with self._lock:
            part = self._incoming / f"{order.sha256}-{order.size_bytes}"
            asked_or_told_again = not chunk or (order.offset and not part.exists())
            if asked_or_told_again and self._is_there(parts, order):
                return FileReply(size_bytes=order.size_bytes, received=order.size_bytes, done=True)
            received = self._append(part, order, chunk)
            if received < order.size_bytes:
                return FileReply(size_bytes=order.size_bytes, received=received)
            self._settle(part, parts, order)
        return FileReply(size_bytes=order.size_bytes, received=received, done=True)

    def _is_there(self, parts: tuple[str, ...], order: FileOrder) -> bool:
        try:
            with self._file(parts) as file:
                if os.fstat(file).st_size != order.size_bytes or _digest(file) != order.sha256:
                    return False
                os.fchmod(file, 0o700 if order.executable else 0o600)
                return True
        except (FileTrouble, OSError):
            return False

    def _append(self, part: Path, order: FileOrder, chunk: bytes) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(part, flags, 0o600)
        try:
            received = os.fstat(file).st_size
            if order.offset != received or not chunk or received + len(chunk) > order.size_bytes:
                return received
            free = shutil.disk_usage(self._incoming).free
            if free - (order.size_bytes - received) < KEPT_FREE_BYTES:
                raise FileTrouble(
                    f"{order.name}: {order.size_bytes - received} bytes are still to come, {free} are free and "
                    f"{KEPT_FREE_BYTES} must stay free; free some space"
                )
            written = os.pwrite(file, chunk, received)
            return received + written
        finally:
            os.close(file)

    def _settle(self, part: Path, parts: tuple[str, ...], order: FileOrder) -> None:
        file = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if _digest(file) != order.sha256:
                part.unlink()
                raise FileTrouble(
                    f"{order.name}: what arrived is not what was sent (SHA-256 differs); did the file change "
                    "meanwhile? Move it again"
                )
            os.fchmod(file, 0o700 if order.executable else 0o600)
            os.fsync(file)
        finally:
            os.close(file)
        with self._folder(parts[:-1], make=True) as folder:
            with contextlib.suppress(FileTrouble):
                if stat.S_ISDIR(self._stat(parts, folder).st_mode):
                    raise IsADirectoryError(errno.EISDIR, "a folder is there", order.name)
            os.rename(part, parts[-1], dst_dir_fd=folder)
            os.fsync(folder)

    @contextmanager
    def _file(self, parts: tuple[str, ...]) -> Iterator[int]:
        if not parts:
            raise FileTrouble("the exchange folder is not a file")
        with self._folder(parts[:-1]) as folder:
            if not stat.S_ISREG(self._stat(parts, folder).st_mode):
                raise FileTrouble(f"{'/'.join(parts)!r} is a folder")
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.open(parts[-1], flags, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise FileTrouble(f"{'/'.join(parts)!r} is not a regular file")
            yield file
        finally:
            os.close(file)

    @contextmanager
    def _folder(self, parts: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        folder = os.open(self._root, flags)
        try:
            for depth, part in enumerate(parts, start=1):
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=folder)
                try:
                    inner = os.open(part, flags, dir_fd=folder)
                except OSError as error:
                    where = "/".join(parts[:depth])
                    raise FileTrouble(
                        f"there is no folder {where!r}"
                        if error.errno == errno.ENOENT
                        else f"{where!r} is a link or not a folder, and is refused"
                    ) from error
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)


def _digest(file: int) -> str:
    digest = hashlib.sha256()
    offset = 0
    while chunk := os.pread(file, 1024 * 1024, offset):
        digest.update(chunk)
        offset += len(chunk)
    return digest.hexdigest()
