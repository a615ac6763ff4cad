"""Reads the outcomes of nodes, which arrive whole or in chunks. Nothing in them is trusted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from manyeyes.broker.transfer import Assembly, unframe_view
from manyeyes.contract import RESULT, Outcome
from manyeyes.errors import TaskLost, Unavailable

MAX_HEAD_BYTES = 64 * 1024
MAX_RESULT_BYTES = 16 * 1024 * 1024
"""Largest result of an outcome: some 5,000 faces with their references."""
LEAST_CHUNK_BYTES = 1024
"""Smallest size of a chunk, except the last. Many tiny chunks would waste memory."""


@dataclass(frozen=True)
class Arrived:
    """An outcome with its parts: the result's JSON (empty if there is none), and attachments by name."""

    outcome: Outcome
    result_json: bytes
    attachments: dict[str, bytes] = field(default_factory=dict)


def read(content: bytes) -> Arrived:
    """Split an outcome into its parts.

    Raises:
        ValueError: its bytes do not match its head.
    """
    head, body = unframe_view(content)
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
        parts[name] = bytes(body[begin : begin + size])
        begin += size
    return Arrived(outcome, parts.pop(RESULT, b""), parts)


class Chunks:
    """Puts outcomes together that arrive in several messages, chunk by chunk.

    Args:
        most_bytes: of one outcome, and of all that one node has begun to send.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._begun: defaultdict[str, dict[str, Assembly]] = defaultdict(dict)
        """By node and task."""

    def held_bytes(self, node: str) -> int:
        """Bytes of a node's unfinished outcomes that have arrived."""
        return sum(assembly.received for assembly in self._begun.get(node, {}).values())

    def add(self, node: str, task_id: str, offset: int, size: int, chunk: bytes) -> bytes | None:
        """Add a chunk. Returns the whole outcome after the last chunk, else None.

        Raises:
            TaskLost: it is too large.
            Unavailable: a chunk is missing, or the node has too much begun; send it all again.
        """
        if size > self._most_bytes:
            self.forget(node, task_id)
            raise TaskLost(f"a result of {size} bytes is over the limit of {self._most_bytes}")
        if offset == 0:
            self.forget(node, task_id)
            assembly: Assembly | None = Assembly(size)
        else:
            assembly = self._begun.get(node, {}).get(task_id)
        held = self.held_bytes(node)
        if held + len(chunk) > self._most_bytes:
            self.forget(node, task_id)
            raise Unavailable(
                f"unfinished results of this node have {held} bytes already; finish those first"
            )
        if assembly is None or not assembly.add(offset, chunk):
            self.forget(node, task_id)
            raise Unavailable("a chunk went astray; send it all again")
        if assembly.complete:
            self.forget(node, task_id)
            return assembly.content()
        if len(chunk) < LEAST_CHUNK_BYTES:
            self.forget(node, task_id)
            raise Unavailable(
                f"a chunk that is not the last has {len(chunk)} bytes, {LEAST_CHUNK_BYTES} are the least"
            )
        self._begun[node][task_id] = assembly
        return None

    def forget(self, node: str, task_id: str | None = None) -> None:
        """Drop a node's unfinished outcomes: that of one task, or all."""
        begun = self._begun.get(node)
        if begun is None:
            return
        if task_id is not None:
            begun.pop(task_id, None)
        if task_id is None or not begun:
            del self._begun[node]
