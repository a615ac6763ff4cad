"""Bytes sent in chunks: the sender gives the total size first, the receiver counts."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from manyeyes.contract import CHUNK_BYTES
from manyeyes.errors import Unavailable


def chunk_at(content: bytes, offset: int) -> bytes:
    """The chunk that begins at `offset`, at most `CHUNK_BYTES`; uncopied if it is the whole."""
    return content if len(content) <= CHUNK_BYTES and not offset else content[offset : offset + CHUNK_BYTES]


def chunks(content: bytes) -> Iterator[tuple[int, bytes]]:
    """(offset, chunk) of at most `CHUNK_BYTES` each; empty content is one empty chunk."""
    for offset in range(0, max(len(content), 1), CHUNK_BYTES):
        yield offset, chunk_at(content, offset)


@dataclass
class Assembly:
    """Bytes that arrive in order; a chunk at another offset than expected is refused."""

    size: int
    parts: list[bytes] = field(default_factory=list)
    received: int = 0

    def add(self, offset: int, chunk: bytes) -> bool:
        """Take the next chunk; False if it is not the next one or overruns the size."""
        if offset != self.received or self.received + len(chunk) > self.size:
            return False
        self.parts.append(chunk)
        self.received += len(chunk)
        return True

    @property
    def complete(self) -> bool:
        """Whether everything is here."""
        return self.received == self.size

    def content(self) -> bytes:
        """The whole."""
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)


class PartialFile:
    """A file that arrives in order; another content than the one begun starts it afresh."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.content = ""
        self.received = 0

    def add(self, content: str, offset: int, chunk: bytes, size: int) -> bool:
        """Take a chunk of a content of `size` bytes in all; true once it is whole.

        Raises:
            Unavailable: it neither goes on with what is here nor begins at 0.
        """
        if content != self.content or offset != self.received:
            if offset:
                raise Unavailable(f"a chunk at {offset} came where {self.received} was expected")
            self._file.seek(0)
            self._file.truncate()
            self.content, self.received = content, 0
        self._file.write(chunk)
        self.received += len(chunk)
        return self.received == size

    def close(self) -> None:
        """Write out and close."""
        self._file.close()


class ResumedFile:
    """A file of one known content that arrives in order and goes on where an earlier attempt stopped.

    What is in it is not trusted: hold the whole against its digest.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self.received = self._file.tell()

    def add(self, chunk: bytes, size: int) -> bool:
        """Append a chunk of a content of `size` bytes in all; true once it is whole.

        Raises:
            OSError: the disk is full or failing; what was written before stays.
        """
        if self.received + len(chunk) > size:
            self._file.truncate(0)
            self.received = 0
            return False
        self._file.write(chunk)
        self._file.flush()
        self.received += len(chunk)
        return self.received == size

    def close(self) -> None:
        """Have it on the disk and close."""
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())


DEFLATE = "deflate"


def squeeze(chunk: bytes) -> bytes:
    """A chunk in fewer bytes; `expand` gives it back."""
    return zlib.compress(chunk, 1)


def expand(chunk: bytes, encoding: str) -> bytes:
    """What `squeeze` was given, where `encoding` says that it was; at most `CHUNK_BYTES`.

    Raises:
        Unavailable: it is damaged or would be larger.
    """
    if encoding != DEFLATE:
        return chunk
    opened = zlib.decompressobj()
    try:
        content = opened.decompress(chunk, CHUNK_BYTES)
    except zlib.error as error:
        raise Unavailable(f"a compressed chunk is damaged: {error}") from error
    if not opened.eof:
        raise Unavailable(f"a compressed chunk holds more than {CHUNK_BYTES} bytes or is cut short")
    return content


def frame_head(head: bytes) -> bytes:
    """A JSON head, 4 bytes big-endian length before it; a body may follow."""
    return len(head).to_bytes(4, "big") + head


def frame(head: bytes, body: bytes) -> bytes:
    """A JSON head and a body as one piece."""
    return frame_head(head) + body


def unframe(content: bytes) -> tuple[bytes, bytes]:
    """(head, body) of what `frame` made.

    Raises:
        ValueError: shorter than it says.
    """
    head, body = unframe_view(content)
    return head, bytes(body)


def unframe_view(content: bytes) -> tuple[bytes, memoryview]:
    """As `unframe`, with a body that is not copied."""
    size = int.from_bytes(content[:4], "big")
    if len(content) < 4 + size:
        raise ValueError("frame is cut short")
    return content[4 : 4 + size], memoryview(content)[4 + size :]
