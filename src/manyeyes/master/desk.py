"""The desk where pictures are taken in and answers handed out: bytes, waiters, idempotency keys.

It owns the bytes of open tasks in bounded memory and carries out what the `TaskBook` decides.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from manyeyes import contract
from manyeyes.broker.link import Incoming, MasterLink
from manyeyes.broker.transfer import Assembly, chunk_at, unframe
from manyeyes.config import Limits
from manyeyes.contract import Claim, Operation, Outcome, Points, Task
from manyeyes.errors import Busy, IdempotencyMismatch, ManyeyesError, TaskLost, Unavailable
from manyeyes.master.tasks import Ack, Answer, InProgress, Instruction, Nak, Remove, TaskBook
from manyeyes.telemetry import log


@dataclass(frozen=True)
class Answered:
    """A task's end as its sender gets it."""

    outcome: Outcome
    picture: bytes


@dataclass
class _Open:
    data: bytes
    future: asyncio.Future[Answered]


@dataclass
class _Remembered:
    fingerprint: str
    future: asyncio.Future[Answered]
    expires_at: float = field(default=float("inf"))
    size: int = 0


class Desk:
    """Takes pictures in, gives answers out; one per gateway."""

    def __init__(self, link: MasterLink, gateway: str, limits: Limits) -> None:
        self._link = link
        self._limits = limits
        self._book = TaskBook(limits.max_attempts)
        self._open: dict[str, _Open] = {}
        self._held_bytes = 0
        self._incoming: dict[str, tuple[str, Assembly]] = {}
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._remembered_bytes = 0
        self._closing = False
        self.gateway = gateway
        self.done = 0
        self.failed = 0
        self.by_node: dict[str, tuple[int, int]] = {}

    @property
    def running(self) -> int:
        """Tasks that a node works on."""
        return self._book.running

    @property
    def waiting(self) -> int:
        """Tasks that nobody works on yet."""
        return len(self._book) - self._book.running

    async def submit(
        self,
        data: bytes,
        *,
        operation: Operation,
        pack: str,
        gallery_version: int,
        draw: bool,
        key: str | None = None,
        landmarks_px: Points = (),
    ) -> Answered:
        """Have a picture worked on and wait for its end.

        Args:
            key: the sender's idempotency key; the same key with the same picture is worked on once.

        Raises:
            Busy: no room.
            IdempotencyMismatch: the key came with another picture before.
            ManyeyesError: the picture's own error.
        """
        digest = hashlib.sha256(data).hexdigest()
        fingerprint = f"{digest}:{operation}:{draw}"
        if key is not None and (known := self._recall(key)):
            if known.fingerprint != fingerprint:
                raise IdempotencyMismatch(
                    f"the key {key!r} came with another picture before; use a new key for each picture"
                )
            return await asyncio.shield(known.future)
        self._check_room(len(data))
        task = Task(
            id=secrets.token_hex(16),
            operation=operation,
            gateway=self.gateway,
            pack=pack,
            size_bytes=len(data),
            sha256=digest,
            draw=draw,
            gallery_version=gallery_version,
            landmarks_px=landmarks_px,
        )
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda f: f.cancelled() or f.exception())
        self._open[task.id] = _Open(data, future)
        self._held_bytes += len(data)
        if key is not None:
            self._remember(key, fingerprint, future)
        self._book.add(task)
        try:
            sequence = await asyncio.shield(self._link.publish_task(task))
        except BaseException as error:
            self._book.not_queued(task.id)
            self._forget(task.id)
            if not future.done():
                future.set_exception(
                    error if isinstance(error, ManyeyesError) else TaskLost("the sender left")
                )
            raise
        await self._carry_out(self._book.queued(task.id, sequence))
        return await asyncio.shield(future)

    def _check_room(self, size: int) -> None:
        if self._closing:
            raise Unavailable("this master is stopping; send the picture again", retry_after_s=2)
        full = self._held_bytes + size > self._limits.max_held_bytes and self._open
        if full or len(self._open) >= self._limits.max_waiting:
            raise Busy(
                f"{len(self._open)} pictures ({self._held_bytes >> 20} MiB) wait already, the limits are "
                f"{self._limits.max_waiting} and {self._limits.max_held_bytes >> 20} MiB; send it again later",
                retry_after_s=1,
            )

    # idempotency keys

    def _recall(self, key: str) -> _Remembered | None:
        now = time.monotonic()
        known = self._remembered.get(key)
        if known is None:
            return None
        failed = known.future.done() and known.future.exception() is not None
        error = known.future.exception() if failed else None
        if known.expires_at < now or (isinstance(error, ManyeyesError) and error.retryable):
            self._drop(key)
            return None
        return known

    def _remember(self, key: str, fingerprint: str, future: asyncio.Future[Answered]) -> None:
        entry = _Remembered(fingerprint, future)
        self._remembered[key] = entry

        def ended(done: asyncio.Future[Answered]) -> None:
            entry.expires_at = time.monotonic() + self._limits.answers_kept_s
            if not done.cancelled() and done.exception() is None:
                entry.size = len(done.result().picture) + 2048
                self._remembered_bytes += entry.size
            self._trim()

        future.add_done_callback(ended)

    def _trim(self) -> None:
        for key, entry in list(self._remembered.items()):
            if self._remembered_bytes <= self._limits.max_answers_bytes and len(self._remembered) < 20_000:
                return
            if entry.future.done():
                self._drop(key)

    def _drop(self, key: str) -> None:
        entry = self._remembered.pop(key, None)
        if entry is not None:
            self._remembered_bytes -= entry.size

    # what nodes say

    async def on_claim(self, node: str, message: Incoming, now: float) -> None:
        """A node asks for a task's bytes."""
        claim = Claim.model_validate_json(message.data)
        if claim.offset:
            granted = self._book.holder(claim.task_id) == node
        else:
            granted, instructions = self._book.claim(node, claim, now)
            await self._carry_out(instructions)
        if granted:
            data = self._open[claim.task_id].data
            await self._link.reply_chunk(message.reply, chunk_at(data, claim.offset), len(data))
        else:
            await self._link.reply_error(
                message.reply, TaskLost("the picture was answered or given up already")
            )

    async def on_result(self, node: str, message: Incoming) -> None:
        """A chunk of an outcome arrived; the last one ends the attempt."""
        task_id = message.headers.get(contract.HEADER_TASK, "")
        offset = int(message.headers.get(contract.HEADER_OFFSET, 0))
        size = int(message.headers.get(contract.HEADER_SIZE, len(message.data)))
        slot = f"{node}/{task_id}"
        refusal = self._refusal(node, task_id, size)
        if refusal is not None:
            self._incoming.pop(slot, None)
            if message.reply:
                await self._link.reply_error(message.reply, refusal)
            return
        if offset == 0:
            self._incoming[slot] = (node, Assembly(size))
        _, assembly = self._incoming.get(slot, (node, Assembly(size)))
        if not assembly.add(offset, message.data):
            self._incoming.pop(slot, None)
            if message.reply:
                await self._link.reply_error(
                    message.reply, Unavailable("a chunk went astray; send it all again")
                )
            return
        if not assembly.complete:
            if message.reply:
                await self._link.publish(message.reply)
            return
        self._incoming.pop(slot, None)
        head, picture = unframe(assembly.content())
        outcome = Outcome.model_validate_json(head)
        if outcome.task_id != task_id:
            await self._link.reply_error(message.reply, TaskLost("the result is for another picture"))
            return
        taken, instructions = self._book.finish(node, outcome)
        await self._carry_out(instructions, picture)
        if taken:
            await self._link.publish(message.reply)
        else:
            await self._link.reply_error(message.reply, TaskLost("the picture was answered already"))

    def _refusal(self, node: str, task_id: str, size: int) -> ManyeyesError | None:
        if self._book.holder(task_id) != node:
            return TaskLost("the picture was answered already or went to another node")
        if size > self._limits.max_result_bytes:
            return TaskLost(f"a result of {size} bytes is over the limit of {self._limits.max_result_bytes}")
        return None

    async def on_beat(self, node: str, holding: Sequence[str], now: float) -> None:
        """A heartbeat names what its node holds."""
        await self._carry_out(self._book.beat(node, frozenset(holding), now))

    async def node_gone(self, node: str) -> None:
        """A node is lost or left: what it held goes to others."""
        for slot in [slot for slot, (owner, _) in self._incoming.items() if owner == node]:
            del self._incoming[slot]
        await self._carry_out(self._book.node_gone(node))

    async def close(self, patience_s: float) -> None:
        """Take nothing more in; wait a while for what is open; end the rest with `TaskLost`."""
        self._closing = True
        waiting = [entry.future for entry in self._open.values()]
        if waiting:
            await asyncio.wait(waiting, timeout=patience_s)
        error = TaskLost("the master stopped before the picture was answered; send it again")
        await self._carry_out(self._book.fail_all(error))

    # carrying out

    async def _carry_out(self, instructions: Sequence[Instruction], picture: bytes = b"") -> None:
        for instruction in instructions:
            match instruction:
                case Answer():
                    self._answer(instruction, picture)
                case Ack(subject):
                    await self._link.ack(subject)
                case Nak(subject):
                    await self._link.nak(subject)
                case InProgress(subject):
                    await self._link.in_progress(subject)
                case Remove(sequence):
                    await self._link.remove_task(sequence)

    def _answer(self, answer: Answer, picture: bytes) -> None:
        future = self._open[answer.task_id].future
        self._forget(answer.task_id)
        ok = answer.error is None
        self.done += ok
        self.failed += not ok
        done, failed = self.by_node.get(answer.node, (0, 0))
        self.by_node[answer.node] = (done + ok, failed + (not ok))
        if future.done():
            return
        if answer.error is not None:
            log().info(
                "picture failed", task=answer.task_id, code=answer.error.code, detail=answer.error.detail
            )
            future.set_exception(answer.error)
        elif answer.outcome is not None:
            future.set_result(Answered(answer.outcome, picture))

    def _forget(self, task_id: str) -> None:
        entry = self._open.pop(task_id, None)
        if entry is not None:
            self._held_bytes -= len(entry.data)
