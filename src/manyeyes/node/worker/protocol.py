"""How an agent and its workers speak over a pipe: two lengths, a JSON head, a body."""

from __future__ import annotations

import struct
from typing import Any, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field

from manyeyes.contract import Status
from manyeyes.node.gallery.files import GalleryFiles

_LENGTHS = struct.Struct(">II")


class Order(BaseModel):
    """From the agent: the files of a newer gallery, or a task (body: the picture)."""

    model_config = ConfigDict(frozen=True)

    kind: str
    """`gallery`, or the task's."""
    task_id: str = ""
    options: dict[str, Any] = Field(default_factory=dict)
    wants: tuple[str, ...] = ()
    trace_id: str = ""
    gallery: GalleryFiles | None = None


class Reply(BaseModel):
    """From the worker: ready, a gallery opened (or why not: `detail`), a task's outcome (body: its parts)."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["ready", "unfit", "gallery", "outcome"]
    pack: str = ""
    benchmark_s: float = 0.0
    """Of `ready`: what the pack's own benchmark took; 0 if it has none."""
    detail: str = ""
    status: Status = "done"
    code: str = ""
    parts: dict[str, int] = Field(default_factory=dict)
    """Of an outcome; see `contract.Outcome`."""
    stages_ms: dict[str, float] = Field(default_factory=dict)
    """How long the recogniser took for what."""


def pack(head: BaseModel, body_bytes: int = 0) -> bytes:
    """The bytes of one frame's lengths and head; the body follows by itself, uncopied."""
    text = head.model_dump_json(exclude_defaults=True).encode()
    return _LENGTHS.pack(len(text), body_bytes) + text


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


def write(stream: BinaryIO, head: BaseModel, *bodies: bytes) -> None:
    """Write one frame and flush; its body is that of all, one after the other."""
    stream.write(pack(head, sum(map(len, bodies))))
    for body in bodies:
        stream.write(body)
    stream.flush()
