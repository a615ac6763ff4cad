"""Turns the messages of a node into the answer for the caller: puts chunks together, splits parts, reads them.

A large outcome is read in a thread, so that it does not delay the messages of other nodes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from manyeyes import contract
from manyeyes.broker.connection import Incoming
from manyeyes.contract import Outcome, Task
from manyeyes.dispatch.arrived import Arrived, Chunks
from manyeyes.dispatch.open_pictures import OpenPicture
from manyeyes.errors import ManyeyesError
from manyeyes.telemetry import log

READ_IN_THREAD_BYTES = 64 * 1024
"""Larger outcomes are read in a thread."""

Spawn = Callable[[Coroutine[Any, Any, None], str], object]


class Reader(Protocol):
    """Turns an outcome into the caller's answer, and refuses what a node must not send."""

    def content(self, task: Task, arrived: Arrived) -> Any:
        """The caller's answer from an outcome that is `done`.

        Raises:
            ValueError: the outcome is not valid; it counts as a crashed attempt.
        """

    def error(self, outcome: Outcome) -> ManyeyesError:
        """The error of an outcome, as far as a node may report it."""


class Outcomes:
    """Collects and reads the outcomes of the nodes for one gateway.

    Args:
        most_bytes: the most bytes of one outcome, and of all unfinished ones of a node.
        spawn: starts a named task that ends with its owner.
    """

    def __init__(self, reader: Reader, most_bytes: int, spawn: Spawn) -> None:
        self._reader = reader
        self._chunks = Chunks(most_bytes)
        self._spawn = spawn
        self._reading: set[tuple[str, str]] = set()
        """(node, attempt) whose outcome is being read in a thread."""

    def whole(self, node: str, message: Incoming) -> bytes | None:
        """An outcome's bytes once all its chunks are here; None before.

        Raises:
            TaskLost: it is too large.
            Unavailable: a chunk is missing, or the node has too much begun; send it all again.
        """
        headers, data = message.headers, message.data
        offset = int(headers.get(contract.HEADER_OFFSET, 0))
        size = int(headers.get(contract.HEADER_SIZE, len(data)))
        return self._chunks.add(node, headers[contract.HEADER_TASK], offset, size, data)

    def forget(self, node: str, attempt_id: str | None = None) -> None:
        """Drop a node's chunks: those of one attempt, or all."""
        self._chunks.forget(node, attempt_id)

    def reading(self, node: str) -> set[str]:
        """The attempts of a node whose outcomes are being read in a thread."""
        return {attempt_id for owner, attempt_id in self._reading if owner == node}

    def is_reading(self, node: str, attempt_id: str) -> bool:
        """Whether an outcome of this attempt is being read in a thread already."""
        return (node, attempt_id) in self._reading

    def error(self, outcome: Outcome) -> ManyeyesError | None:
        """The error of an outcome; None if it has none."""
        return self._reader.error(outcome) if outcome.status == "error" else None

    def is_large(self, arrived: Arrived) -> bool:
        """Whether an outcome must be read in a thread."""
        return arrived.outcome.status == "done" and _to_read(arrived) > READ_IN_THREAD_BYTES

    def read_in_thread(
        self, node: str, arrived: Arrived, picture: OpenPicture | None, then: Callable[[Any], None]
    ) -> None:
        """Read an outcome in a thread, and call `then` with what the caller gets; see `content`."""
        attempt_id = arrived.outcome.task_id

        async def reading() -> None:
            try:
                content = await asyncio.to_thread(self.content, arrived, picture)
            finally:
                self._reading.discard((node, attempt_id))
            then(content)

        self._reading.add((node, attempt_id))
        self._spawn(reading(), f"read-{attempt_id}")

    def content(self, arrived: Arrived, picture: OpenPicture | None) -> Any:
        """The caller's answer; a ValueError if the outcome is not valid, None if nobody waits."""
        outcome = arrived.outcome
        if outcome.status != "done" or picture is None or picture.future is None:
            return None
        try:
            return self._reader.content(picture.task, arrived)
        except ValueError as error:
            return error
        except Exception as error:
            log().exception("an outcome could not be read", node_said=outcome.status, task=outcome.task_id)
            return ValueError(repr(error))


def _to_read(arrived: Arrived) -> int:
    """How many bytes must be read, and not only passed on."""
    attached = sum(len(part) for name, part in arrived.attachments.items() if name != contract.PICTURE)
    return len(arrived.result_json) + attached
