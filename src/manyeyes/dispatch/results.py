"""Outcomes of nodes as they arrive: whole or in chunks, then taken apart. Nothing is taken on trust."""

from __future__ import annotations

from dataclasses import dataclass, field

from manyeyes.broker.transfer import Assembly, unframe
from manyeyes.contract import RESULT, Outcome
from manyeyes.errors import TaskLost, Unavailable

MAX_HEAD_BYTES = 64 * 1024
MAX_RESULT_BYTES = 16 * 1024 * 1024
"""Of an outcome's result: some 5,000 faces with their references."""


@dataclass(frozen=True)
class Arrived:
    """An outcome with its parts: the result's JSON (empty where there is none), and attachments by name."""

    outcome: Outcome
    result_json: bytes
    attachments: dict[str, bytes] = field(default_factory=dict)


def read(content: bytes) -> Arrived:
    """Take an outcome apart.

    Raises:
        ValueError: it is not what its head says.
    """
    head, body = unframe(content)
    if len(head) > MAX_HEAD_BYTES:
        raise ValueError(f"its head has {len(head)} bytes, the limit is {MAX_HEAD_BYTES}")
    outcome = Outcome.model_validate_json(head)
    sizes = outcome.parts
    if min(sizes.values(), default=0) < 0 or sum(sizes.values()) != len(body):
        raise ValueError(f"its parts have {sum(sizes.values())} bytes by its head, {len(body)} came")
    if sizes.get(RESULT, 0) > MAX_RESULT_BYTES:
        raise ValueError(f"its result has {sizes[RESULT]} bytes, the limit is {MAX_RESULT_BYTES}")
    parts: dict[str, bytes] = {}
    begin = 0
    for name, size in sizes.items():
        parts[name] = body[begin : begin + size]
        begin += size
    return Arrived(outcome, parts.pop(RESULT, b""), parts)


class Chunks:
    """Outcomes that come in several messages, chunk by chunk.

    Args:
        most_bytes: of one outcome, and of all that one node has begun to send.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._begun: dict[tuple[str, str], Assembly] = {}

    def add(self, node: str, task_id: str, offset: int, size: int, chunk: bytes) -> bytes | None:
        """A chunk arrived; the whole once it is the last one.

        Raises:
            TaskLost: it is too large.
            Unavailable: a chunk is missing, or the node has too much begun; send it all again.
        """
        key = (node, task_id)
        if size > self._most_bytes:
            self._begun.pop(key, None)
            raise TaskLost(f"a result of {size} bytes is over the limit of {self._most_bytes}")
        if offset == 0:
            begun = sum(assembly.received for (owner, _), assembly in self._begun.items() if owner == node)
            if begun > self._most_bytes:
                raise Unavailable(
                    f"unfinished results of this node have {begun} bytes already; finish those first"
                )
            self._begun[key] = Assembly(size)
        assembly = self._begun.get(key)
        if assembly is None or not assembly.add(offset, chunk):
            self._begun.pop(key, None)
            raise Unavailable("a chunk went astray; send it all again")
        if not assembly.complete:
            return None
        del self._begun[key]
        return assembly.content()

    def forget(self, node: str, task_id: str | None = None) -> None:
        """What a node has begun is wanted no more: of one task, or of all."""
        for key in [key for key in self._begun if key[0] == node and task_id in (None, key[1])]:
            del self._begun[key]
