"""How an agent and its workers speak over a pipe: two lengths, a JSON head, a body."""

from __future__ import annotations

import struct
from typing import BinaryIO, Literal

from pydantic import BaseModel, ConfigDict

from manyeyes.contract import Operation, Outcome, Points

_LENGTHS = struct.Struct(">II")


class GalleryFiles(BaseModel):
    """The files that make a gallery at a version: a base, its index (empty: none), the changes since in order."""

    model_config = ConfigDict(frozen=True)

    base: str
    index: str = ""
    deltas: tuple[str, ...] = ()
    version: int = 0


class Order(BaseModel):
    """From the agent: the files of a newer gallery, or a task (body: the picture)."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["gallery"] | Operation
    task_id: str = ""
    draw: bool = True
    landmarks_px: Points = ()
    keep_unknown: bool = False
    thumbnail: bool = False
    trace_id: str = ""
    gallery: GalleryFiles | None = None


class Reply(BaseModel):
    """From the worker: ready, a gallery opened (or why not: `detail`), a task's outcome (body: a picture)."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["ready", "unfit", "gallery", "outcome"]
    pack: str = ""
    benchmark_s: float = 0.0
    """Of `ready`: what the pack's own benchmark took; 0 where it has none."""
    detail: str = ""
    outcome: Outcome | None = None


def pack(head: BaseModel, body: bytes = b"") -> bytes:
    """The bytes of one frame's lengths and head; the body follows by itself, uncopied."""
    text = head.model_dump_json().encode()
    return _LENGTHS.pack(len(text), len(body)) + text


def lengths(prefix: bytes) -> tuple[int, int]:
    """(head, body) lengths of a frame's first `PREFIX_BYTES`."""
    head, body = _LENGTHS.unpack(prefix)
    return int(head), int(body)


PREFIX_BYTES = _LENGTHS.size


def read(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """Read one frame; None at the end of the stream."""
    prefix = stream.read(PREFIX_BYTES)
    if len(prefix) < PREFIX_BYTES:
        return None
    head_bytes, body_bytes = lengths(prefix)
    head, body = stream.read(head_bytes), stream.read(body_bytes)
    if len(head) < head_bytes or len(body) < body_bytes:
        return None
    return head, body


def write(stream: BinaryIO, head: BaseModel, body: bytes = b"") -> None:
    """Write one frame and flush."""
    stream.write(pack(head, body))
    if body:
        stream.write(body)
    stream.flush()
